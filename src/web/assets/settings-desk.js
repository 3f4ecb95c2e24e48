// What the parts of the settings page share: the desk as it was read, and ways to change it.

import { get, post } from './api.js';
import { announce, el, toast } from './dom.js';

export const isAdmin = document.body.dataset.role === 'admin';
export const me = document.body.dataset.operator;

/** The desk as it was read last. */
export const desk = { queues: [], gateways: [], operators: [], modems: [], trail: [], canned: [] };

let reload = async () => {};
/** Says how the page is read again. */
export function reads(load) { reload = load; }
export const readAgain = () => reload();

export const amend = (change, rest) => post('/amendments', { change, ...rest });

/** Does something, reads the page again, and says what came of it; whether it went well. */
export async function act(what, done) {
  try {
    await what();
    announce(done);
    await reload();
    return true;
  } catch (error) {
    toast(error.message);
    await reload().catch(() => {});
    return false;
  }
}

export function button(text, what, kind = '.quiet.small') {
  const node = el(`button${kind}`, { type: 'button', disabled: !isAdmin }, text);
  node.addEventListener('click', what);
  return node;
}

let ids = 0;
export const newId = (of) => `${of}-${ids += 1}`;

export function choice(label, options, value, change, enabled = isAdmin) {
  const id = newId('choice');
  const select = el('select', { id, disabled: !enabled }, ...options.map(([key, text]) => el('option', { value: key, selected: key === value }, text)));
  select.addEventListener('change', () => change(select.value));
  return el('div.field', el('label', { for: id }, label), select);
}

/** A control under its label. */
export function labelled(label, control, hint = null) {
  control.id ||= newId('field');
  const note = hint && el('p.hint', { id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute('aria-describedby', note.id);
  return el('div.field', el('label', { for: control.id }, label), control, note);
}

export function input(value, rest = {}) {
  return el('input', { value: value ?? '', disabled: !isAdmin, autocomplete: 'off', ...rest });
}

export function textarea(value, rest = {}) {
  return el('textarea', { rows: 3, disabled: !isAdmin, ...rest }, value ?? '');
}

/** A form that is saved by its last button; `after` is done once it went well and the page is read. */
export function form(parts, save, done, { word = 'Save', after = null } = {}) {
  const node = el('form', ...parts, el('p.card-acts', el('button.primary.small', { disabled: !isAdmin }, word)));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    act(save, done).then((well) => well && after?.());
  });
  return node;
}

const folds = new Map();

/**
 * A part of a card that opens, filled when it first does. There is one for each key: what somebody is
 * writing in it outlives the card around it. `fill(box, again)` answers nodes.
 */
export function fold(key, title, fill, kind = '') {
  const kept = folds.get(key);
  if (kept) return kept;
  const body = el('div.fold-body');
  const box = el(`details.fold${kind}`, { id: `fold-${key.replace(/[^a-z0-9-]/gi, '_')}` }, el('summary', title), body);
  const again = async () => {
    try {
      body.replaceChildren(...[await fill(again)].flat().filter(Boolean));
      box.dataset.filled = '1';
    } catch (error) {
      body.replaceChildren(el('p.card-problem', error.message));
      delete box.dataset.filled;
    }
  };
  box.addEventListener('toggle', () => { if (box.open && !box.dataset.filled) again(); });
  folds.set(key, box);
  return box;
}

/** What a patron reads, as they read it. */
export function bubble(text, count) {
  return el('div.bubble', el('p', text), el('p.hint', count));
}

export const octets = (n) => {
  if (n === null || n === undefined) return 'unknown';
  if (n < 1_000_000) return `${Math.ceil(n / 1000)} kB`;
  return n < 1_000_000_000 ? `${(n / 1_000_000).toFixed(1)} MB` : `${(n / 1_000_000_000).toFixed(1)} GB`;
};

/** Names and values; those without one are left out. */
export function facts(list) {
  return el('dl.facts', ...list.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => el('div', el('dt', name), el('dd', value))));
}

export const at = (name) => encodeURIComponent(name);
export { get };
