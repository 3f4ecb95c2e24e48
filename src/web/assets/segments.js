// How many texts an answer takes, as the desk will cut it (TS 23.040, TS 23.038).

const BASIC = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
const EXTENSION = new Set('\f^{}\\[~]|€');
const PLAIN = { alone: 160, joined: 153 };
const WIDE = { alone: 70, joined: 67 };

export const SEGMENTS_MAX = 10;

const plainWidth = (letter) => (BASIC.has(letter) ? 1 : EXTENSION.has(letter) ? 2 : 0);

const EXTENDS = /^[\u200D\uFE00-\uFE0F\u0300-\u036F\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE20-\uFE2F\u{1F3FB}-\u{1F3FF}\u{E0020}-\u{E007F}]$/u;
const REGIONAL = /^[\u{1F1E6}-\u{1F1FF}]$/u;

/** Where the part that begins at `from` ends, and the room it takes. */
function cut(letters, from, width, room) {
  let used = 0;
  let whole = null; // the last place between what a reader takes for one character
  let joined = false;
  let halfFlag = false;
  for (let at = from; at < letters.length; at += 1) {
    const letter = letters[at];
    const regional = REGIONAL.test(letter);
    if (at > from && !(EXTENDS.test(letter) || joined || (regional && halfFlag))) whole = { at, used };
    halfFlag = regional && !halfFlag;
    joined = letter === '\u200D';
    const w = width(letter);
    if (used + w > room) return whole ?? { at, used };
    used += w;
  }
  return { at: letters.length, used };
}

function fill(letters, width, room) {
  let total = 0;
  for (const letter of letters) total += width(letter);
  if (total <= room.alone) return { segments: 1, left: room.alone - total };
  let segments = 0;
  let part = { at: 0, used: 0 };
  while (part.at < letters.length) {
    part = cut(letters, part.at, width, room.joined);
    segments += 1;
  }
  return { segments, left: room.joined - part.used };
}

/**
 * `{ segments, left, wide, culprits, without }`: texts needed, letters left in the last one,
 * whether the wide alphabet is needed, because of which letters, and the texts without them.
 */
export function measure(text) {
  const letters = [...text];
  const culprits = [...new Set(letters.filter((letter) => plainWidth(letter) === 0))];
  if (culprits.length === 0) return { ...fill(letters, plainWidth, PLAIN), wide: false, culprits, without: null };
  const without = fill(letters.filter((letter) => plainWidth(letter) > 0), plainWidth, PLAIN).segments;
  return { ...fill(letters, (letter) => letter.length, WIDE), wide: true, culprits, without };
}

const isEmoji = (letter) => /\p{Extended_Pictographic}/u.test(letter);
// Seen as a part of the letter before: a variation, a joiner, a skin tone.
const isInvisible = (letter) => /[\p{M}\p{Cf}\p{Emoji_Modifier}]/u.test(letter);

/** The text without what makes it wide. */
export function narrow(text) {
  return [...text].filter((letter) => plainWidth(letter) > 0).join('').replace(/ {2,}/g, ' ').trimEnd();
}

/** The counter's words and the hint behind them. */
export function inWords(text) {
  const m = measure(text);
  const texts = m.segments === 1 ? '1 text' : `${m.segments} texts`;
  const count = text === '' ? '' : `${texts} · ${m.left} left`;
  let hint = '';
  if (m.segments > SEGMENTS_MAX) hint = `Longer answers belong in e-mail: ${SEGMENTS_MAX} texts are the most.`;
  else if (m.wide && m.segments > m.without) {
    const seen = m.culprits.filter((letter) => !isInvisible(letter));
    const shown = seen.slice(0, 3).join(' ');
    const what = seen.length === 1 ? (isEmoji(seen[0]) ? 'this emoji' : 'this letter') : 'these letters';
    const verb = seen.length === 1 ? 'makes' : 'make';
    hint = `${shown}${seen.length > 3 ? ' …' : ''} ${what} ${verb} it ${texts} instead of ${m.without}`.trim();
  }
  return { ...m, count, hint, tooLong: m.segments > SEGMENTS_MAX };
}
