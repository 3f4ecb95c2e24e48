// What a way in's patrons are told: each notice with its words, tried as they are written.

import { inWords } from './segments.js';
import { post } from './api.js';
import { el, words } from './dom.js';
import { act, amend, at, button, fold, get, isAdmin, labelled, textarea } from './settings-desk.js';

/** How soon after the last key a wording is tried. */
const TRIED_AFTER = 250;

function notice(g, n, number, again) {
  const own = n.own !== null;
  const box = textarea(own ? n.own : n.default, { rows: 3, maxlength: 1000, spellcheck: 'true' });
  const reads = el('p.reads');
  const count = el('p.hint', { 'aria-live': 'polite' });
  const problem = el('p.card-problem', { role: 'alert' });
  const seen = (text) => {
    words(reads, text ?? '');
    words(count, text ? (g.kind === 'sms' ? [inWords(text, g.national).count, inWords(text, g.national).hint].filter(Boolean).join(' · ') : '') : 'Nothing is sent.');
  };
  seen(n.text);
  let due = 0;
  let asked = 0;
  box.addEventListener('input', () => {
    clearTimeout(due);
    due = setTimeout(async () => {
      const turn = asked += 1;
      try {
        const tried = await post(`/gateways/${at(g.name)}/preview`, { notice: n.notice, words: box.value });
        if (turn !== asked) return;
        words(problem, '');
        seen(tried.text);
      } catch (error) {
        if (turn === asked) words(problem, error.message);
      }
    }, TRIED_AFTER);
  });
  const save = (value, done) => act(() => amend('set_wording', { gateway: g.name, notice: n.notice, words: value }), done).then((well) => well && again());
  const node = el('form.wording', { id: `wording-${g.name}-${n.notice}` },
    labelled(`M${number} · ${n.when}`, box, n.names.length ? `May hold {${n.names.join('}, {')}}` : null),
    el('div.bubble', reads, count), problem,
    isAdmin && el('p.card-acts',
      own && button('As usual', () => save(null, 'The usual words are back')),
      n.own !== '' && button('Send nothing', () => save('', 'This notice is not sent any more')),
      el('button.primary.small', 'Save')));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    save(box.value.trim(), 'The words are saved');
  });
  return node;
}

export function wording(g) {
  return fold(`wording-${g.name}`, 'What its patrons are told', async (again) => {
    const { items } = await get(`/gateways/${at(g.name)}/notices`);
    return items.map((n, place) => notice(g, n, place + 1, again));
  }, '.fold-wide');
}
