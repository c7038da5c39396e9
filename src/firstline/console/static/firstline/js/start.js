// What every page of the console starts. Each module stands alone; none is needed for the page to work.
import "./words.js";
import "./theme.js";
import "./guard.js";
import "./time.js";
import "./clock.js";
import "./forms.js";
import "./draft.js";
import "./keys.js";
import "./errors.js";
import "./palette.js";
import "./live.js";
import "./copy.js";
