// Draws the charts of the report page from the JSON beside them. The same figures stand in a table under each chart.
const boxes = [...document.querySelectorAll("[data-chart]")];
const dark = matchMedia("(prefers-color-scheme: dark)");

function token(name) {
  // ECharts knows no OKLCH and no light-dark(): let the browser say what a colour is on the screen
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const span = document.createElement("span");
  span.className = `tone-${name}`;
  document.body.append(span);
  probe.fillStyle = getComputedStyle(span).color;
  span.remove();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return `rgb(${r}, ${g}, ${b})`;
}

function option(data) {
  const ink = token("ink"), line = token("line");
  const colours = ["c1", "c2", "c3", "c4", "c5", "c6", "c7"].map(token);
  const kind = data.kind === "line" ? "line" : "bar";
  const lying = data.kind === "bar"; // long names beside the bars, not below them
  const unit = (value) => (value === null || value === undefined ? "–" : `${value}${data.unit ? ` ${data.unit}` : ""}`);
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    color: colours,
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: lying ? 150 : 8, right: 16, top: data.series.length > 1 ? 36 : 14, bottom: lying ? 24 : 8, containLabel: !lying },
    legend: data.series.length > 1 ? { type: "scroll", top: 4, textStyle: { color: ink }, icon: "roundRect", itemWidth: 12, itemHeight: 8 } : undefined,
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: unit, confine: true },
    [lying ? "yAxis" : "xAxis"]: { type: "category", data: data.labels, inverse: lying, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { color: ink, hideOverlap: true } },
    [lying ? "xAxis" : "yAxis"]: { type: "value", minInterval: data.unit ? 0 : 1, max: data.unit === "%" ? 100 : undefined, splitLine: { lineStyle: { color: line } }, axisLabel: { color: ink } },
    series: data.series.map((one, index) => ({
      name: one.name, type: kind, data: one.values, stack: data.kind === "stack" ? "all" : undefined,
      symbol: ["circle", "rect", "triangle"][index % 3], symbolSize: 6, connectNulls: false, barMaxWidth: 42, cursor: "pointer",
    })),
  };
}

function draw(box) {
  const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const chart = echarts.getInstanceByDom(box) ?? echarts.init(box);
  chart.setOption(option(data), true);
  chart.off("click");
  chart.on("click", (event) => { location.href = data.series[event.seriesIndex].links[event.dataIndex]; });
  return chart;
}

if (globalThis.echarts) {
  const charts = boxes.map(draw);
  new ResizeObserver(() => charts.forEach((chart) => chart.resize())).observe(document.querySelector(".charts"));
  dark.addEventListener("change", () => boxes.forEach(draw));
  new MutationObserver(() => boxes.forEach(draw)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
