// Times in words.

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const date = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `14 h`, `3 min`, `now`. */
export function age(at, now = Date.now()) {
  const passed = now - Date.parse(at);
  if (!(passed >= MINUTE)) return 'now';
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min`;
  if (passed < 2 * DAY) return `${Math.floor(passed / HOUR)} h`;
  return `${Math.floor(passed / DAY)} d`;
}

/** `14 h ago`, `just now`. */
export function ago(at, now) {
  const said = age(at, now);
  return said === 'now' ? 'just now' : `${said} ago`;
}

export const timeOf = (at) => clock.format(new Date(at));
export const fullTime = (at) => whole.format(new Date(at));

/** A key for the day something was on. */
export function dayKey(at) {
  const d = new Date(at);
  return `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`;
}

/** `Today`, `Yesterday`, `Monday`, `Fri, 3 Oct`. */
export function dayName(at, now = new Date()) {
  const then = new Date(at);
  const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(then)) / DAY);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(then);
  return date.format(then);
}

/** Since when, as briefly as can be understood: `14:02`, `Mon, 3 Nov 14:02`. */
export function since(at) {
  return dayKey(at) === dayKey(Date.now()) ? timeOf(at) : `${date.format(new Date(at))} ${timeOf(at)}`;
}
