// The page at three in the morning needs nothing but ticking clocks.
import "./time.js";
import "./clock.js";
