// Words and formats that several modules need. The words themselves come translated from the page (<body data-words>).
const body = document.body;
export const words = JSON.parse(body?.dataset.words || "{}");
export const language = document.documentElement.lang || navigator.language;

/** A translated sentence with {name} placeholders filled in. */
export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** "2 h 10 min", "3 d 4 h", "under 1 min": the two largest units, cut, never rounded up. The server writes the same. */
export function duration(milliseconds) {
  const minutes = Math.floor(Math.abs(milliseconds) / 60000);
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
  const [day, hour, minute] = [words.d ?? "d", words.h ?? "h", words.min ?? "min"];
  if (d) return h ? `${d} ${day} ${h} ${hour}` : `${d} ${day}`;
  if (h) return m ? `${h} ${hour} ${m} ${minute}` : `${h} ${hour}`;
  return m ? `${m} ${minute}` : (words.now ?? `<1 ${minute}`);
}
