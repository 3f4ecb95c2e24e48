// Elements without markup: words of patrons only ever become text.

/** The element with this id, which the page has. */
export const $ = (id) => document.getElementById(id);

/** Makes an element: `el('p.faint', 'words', child)`; an object sets attributes. */
export function el(spec, ...children) {
  const [tag, ...classes] = spec.split('.');
  const node = document.createElement(tag || 'div');
  if (classes.length) node.className = classes.join(' ');
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (typeof child === 'object' && !(child instanceof Node)) {
      for (const [name, value] of Object.entries(child)) {
        if (value === true) node.setAttribute(name, '');
        else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
      }
    } else node.append(child);
  }
  return node;
}

/** Sets text only when it differs: a live region must not repeat itself. */
export function words(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Makes the children of `parent` those of `items`, keeping the nodes that stay.
 * `make(item)` gives a node; `same(item)` a string that changes when the node must.
 */
export function reconcile(parent, items, key, same, make) {
  const old = new Map();
  for (const node of parent.children) old.set(node.dataset.key, node);
  let place = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    const print = same(item);
    let node = old.get(k);
    old.delete(k);
    if (node && node.dataset.same !== print) {
      const active = document.activeElement;
      const focused = node.contains(active);
      const fresh = make(item);
      if (place === node) place = fresh;
      node.replaceWith(fresh);
      node = fresh;
      if (focused && fresh.contains(active)) active.focus({ preventScroll: true });
      else if (focused) (fresh.matches('a,button') ? fresh : fresh.querySelector('a,button'))?.focus({ preventScroll: true });
    } else if (!node) node = make(item);
    node.dataset.key = k;
    node.dataset.same = print;
    if (place === node) place = node.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

let toastTimer = 0;
/** A short word at the bottom of the page. */
export function toast(text) {
  const node = $('toast');
  node.textContent = text;
  node.classList.add('toast-on');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => node.classList.remove('toast-on'), 5000);
}

/** Says something to screen readers alone. */
export function announce(text) {
  const node = $('announce');
  node.textContent = '';
  setTimeout(() => { node.textContent = text; }, 50);
}

/** Asks; resolves to whether the answer is yes. */
export function ask(title, text, yes) {
  const dialog = $('ask');
  $('ask-title').textContent = title;
  $('ask-words').textContent = text;
  $('ask-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/** What this browser remembers; nothing, where storage is forbidden. */
export const memory = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  },
  set(key, value) {
    try { value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value); } catch { /* nothing is remembered */ }
  },
  keys() {
    try { return Object.keys(localStorage); } catch { return []; }
  },
};
