// How many texts an answer takes, as the desk will cut it (TS 23.040, TS 23.038).

import { BASIC, EXTENSION, FORMS, LOCKING, SINGLE } from './letters.js';

/** A letter's width where it is in the main table, or behind an escape; a letter in both is the main one's. */
const widths = (main, extension) => new Map([...[...extension].map((letter) => [letter, 2]), ...[...main].map((letter) => [letter, 1])]);
const WIDTHS = widths(BASIC, EXTENSION);
/** What stands for a letter that makes a text wide. */
const PLAINER = new Map(Object.entries(FORMS).flatMap(([form, letters]) => [...letters].map((letter) => [letter, form])));
const PLAIN = { alone: 160, joined: 153 };
const WIDE = { alone: 70, joined: 67 };

export const SEGMENTS_MAX = 10;

const plainWidth = (letter) => WIDTHS.get(letter) ?? 0;

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

/** Septets that a header leaves free: these octets behind its length. */
const behind = (octets) => 160 - Math.ceil((octets + 1) * 8 / 7);
const SUFFIX = '-locking';

/** Pairs of national tables, with the widths of their letters and the room that naming them leaves. */
const alphabets = (national) => {
  const locking = [null, ...national.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length))];
  const single = [null, ...national.filter((name) => !name.endsWith(SUFFIX))];
  return locking.flatMap((main) => single.map((shifted) => {
    const octets = 3 * ((main !== null) + (shifted !== null));
    return octets > 0 && { widths: widths(LOCKING[main] ?? BASIC, SINGLE[shifted] ?? EXTENSION), room: { alone: behind(octets), joined: behind(octets + 5) } };
  })).filter(Boolean);
};
const known = new Map();

/**
 * `{ segments, left, wide }`: texts needed, letters left in the last one, whether the wide alphabet is
 * needed. `national` names the tables that the line may send in where they take fewer texts.
 */
export function measure(text, national = []) {
  const letters = [...text];
  if (letters.every((letter) => plainWidth(letter) > 0)) return { ...fill(letters, plainWidth, PLAIN), wide: false };
  let best = { ...fill(letters, (letter) => letter.length, WIDE), wide: true };
  const key = national.join();
  if (!known.has(key)) known.set(key, alphabets(national));
  for (const table of known.get(key)) {
    if (!letters.every((letter) => table.widths.has(letter))) continue;
    const found = fill(letters, (letter) => table.widths.get(letter), table.room);
    if (found.segments < best.segments) best = { ...found, wide: false };
  }
  return best;
}

const isEmoji = (letter) => /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(letter);
// Seen as a part of the letter before: an accent, a variation, a joiner, a skin tone.
const isInvisible = (letter) => /[\p{M}\p{Cf}\p{Emoji_Modifier}]/u.test(letter);
const BELONGS = /^[\p{M}\u200D\u{1F3FB}-\u{1F3FF}\u{E0020}-\u{E007F}]$/u;
const WORDLIKE = /^[0-9A-Za-z]$/;

/** The text in plain letters, as `sms::plain` writes it. What has no plain form stays: no letter is lost. */
export function plain(text) {
  let out = '';
  let left = false; // the last letter stayed as it is
  let parted = false; // a space is due before a letter or a digit
  for (const letter of text.normalize('NFC')) {
    const form = plainWidth(letter) > 0 || (left && BELONGS.test(letter)) ? undefined : PLAINER.get(letter);
    if (form === undefined) {
      if (parted && WORDLIKE.test(letter)) out += ' ';
      parted = false;
      left = plainWidth(letter) === 0;
      out += letter;
      continue;
    }
    left = false;
    if (form === ' ') {
      out += ' ';
      parted = false;
      continue;
    }
    const begun = form.startsWith(' ') ? form.slice(1) : form;
    const core = begun.endsWith(' ') ? begun.slice(0, -1) : begun;
    if ((begun !== form && WORDLIKE.test(out.slice(-1))) || (parted && WORDLIKE.test(core.slice(0, 1)))) out += ' ';
    parted = core !== begun || (parted && core === '');
    out += core;
  }
  return out;
}

const beyond = (text) => [...new Set([...text].filter((letter) => plainWidth(letter) === 0))];

/**
 * What would make a wide text cheaper: `{ text, act }`, the act being what a button for it says; or
 * null. Letters of another script are never taken out, and emoji only by a button that says so.
 */
export function lighter(text) {
  const spelled = plain(text);
  const rest = beyond(spelled);
  if (rest.length === 0) return { text: spelled, act: 'Use plain letters' };
  if (!rest.every((letter) => isEmoji(letter) || isInvisible(letter))) return null;
  const bare = [...spelled].filter((letter) => plainWidth(letter) > 0).join('').replace(/ {2,}/g, ' ').trimEnd();
  return { text: bare, act: spelled === text ? 'Remove emoji' : 'Use plain letters, remove emoji' };
}

/**
 * What [`measure`] says, the counter's words, the hint behind them, and what a button offers:
 * `{ text, act }`, or null.
 */
export function inWords(text, national = []) {
  const m = measure(text, national);
  const texts = m.segments === 1 ? '1 text' : `${m.segments} texts`;
  const count = text === '' ? '' : `${texts} · ${m.left} left`;
  const cheaper = m.wide ? lighter(text) : null;
  const without = cheaper && measure(cheaper.text).segments;
  const offer = cheaper && without < m.segments ? cheaper : null;
  let hint = '';
  if (m.segments > SEGMENTS_MAX) hint = `Longer answers belong in e-mail: ${SEGMENTS_MAX} texts are the most.`;
  else if (offer) {
    const seen = beyond(text).filter((letter) => !isInvisible(letter) && letter.trim() !== '');
    const emoji = seen.every(isEmoji);
    const what = seen.length === 1 ? (emoji ? 'this emoji' : 'this character') : emoji ? 'these emoji' : 'these characters';
    const shown = seen.length === 0 ? 'unseen characters' : `${seen.slice(0, 3).join(' ')}${seen.length > 3 ? ' …' : ''} ${what}`;
    hint = `${shown} ${seen.length === 1 ? 'makes' : 'make'} it ${texts} instead of ${without}`;
  }
  return { ...m, count, hint, offer, tooLong: m.segments > SEGMENTS_MAX };
}
