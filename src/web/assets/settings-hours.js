// A queue: when it is open, what its patrons are told then, what partners should know, who helps.

import { inWords } from './segments.js';
import { el } from './dom.js';
import { act, amend, at, bubble, button, choice, desk, fold, form, get, input, isAdmin, labelled, textarea } from './settings-desk.js';

/** What a patron who writes to a closed desk would read, by each way in. */
async function previews(queue) {
  const ways = desk.gateways.filter((g) => g.queue === queue.name);
  const read = await Promise.all(ways.map(async (g) => {
    const notices = (await get(`/gateways/${at(g.name)}/notices`)).items;
    const told = notices.find((n) => n.notice === (g.offline === 'refuse' ? 'refused' : 'closed'));
    return [g, told];
  }));
  return read.map(([g, told]) => el('div', el('p.hint', `By ${g.name}, while nobody is here:`),
    told?.text ? bubble(told.text, g.kind === 'sms' ? inWords(told.text, g.national).count : '') : el('p.empty', 'Nothing is sent.')));
}

function holidayRows(queue, again) {
  const days = Object.entries(queue.holidays).sort();
  if (!days.length) return el('p.empty', 'No days with hours of their own.');
  return el('ul.entries', ...days.map(([day, words]) => el('li', el('span', el('b', day), ` ${words}`),
    button('Remove', () => act(() => amend('set_hours', { queue: queue.name, hours: null, no_holidays: [day] }), `${day} is a day like any other`).then(again)))));
}

const now = (name) => desk.queues.find((q) => q.name === name);

export function hours(q) {
  return fold(`hours-${q.name}`, 'Hours and holidays', async (again) => {
    const queue = now(q.name) ?? q;
    const week = input(queue.hours, { maxlength: 300, placeholder: 'Mon-Fri 9:00-17:00, Sat 10:00-14:00' });
    const day = input('', { type: 'date', required: true });
    const words = input('closed', { required: true, maxlength: 60 });
    return [
      form([labelled('Opening hours', week, 'Days and times, with commas between. Empty: patrons are not told when you open.')],
        () => amend('set_hours', { queue: queue.name, hours: week.value.trim() }), `${queue.name}: the hours are saved`, { after: again }),
      el('h4', 'Holidays'), holidayRows(queue, again),
      isAdmin && form([el('div.pair', labelled('Day', day), labelled('Hours, or closed', words))],
        () => amend('set_hours', { queue: queue.name, hours: null, holidays: [[day.value, words.value.trim()]] }), 'The day is saved', { word: 'Add', after: again }),
      el('h4', 'What a patron reads just now'), ...await previews(queue),
    ];
  });
}

export function about(q) {
  return fold(`about-${q.name}`, 'Names, facts, and who helps', async (again) => {
    const queue = now(q.name) ?? q;
    const title = input(queue.title, { maxlength: 40 });
    const text = textarea(queue.facts, { rows: 5, maxlength: 4000 });
    const rename = input(queue.name, { required: true, maxlength: 32, pattern: '[a-z0-9._\\-]+', autocapitalize: 'none' });
    const after = input(queue.fallback_after_s ?? 90, { type: 'number', min: 10, max: 86400 });
    let helper = queue.fallback ?? '';
    const helpers = [['', 'Nobody'], ...desk.queues.filter((o) => o.name !== queue.name).map((o) => [o.name, o.name])];
    return [
      form([labelled('What its patrons call it', title, 'Empty: the library’s name.'),
        labelled('Facts for librarians elsewhere', text, 'Shown to partners who answer for you. Hours, rules, where the toilets are.')],
      () => amend('describe_queue', { name: queue.name, title: title.value.trim(), facts: text.value.trim() }), `${queue.name} is described`),
      el('h4', 'When nobody answers'),
      form([choice('Who helps', helpers, helper, (name) => { helper = name; }), labelled('After how many seconds', after)],
        () => amend('set_fallback', { queue: queue.name, fallback: helper, after_s: helper ? Number(after.value) : null }), `${queue.name}: who helps is saved`, { after: again }),
      el('h4', 'Its name here'),
      form([labelled('Name', rename, 'Web pages that ask for its presence by name must be told.')],
        () => amend('set_queue', { name: queue.name, rename: rename.value.trim() }), 'The queue has its new name', { word: 'Rename' }),
    ];
  });
}
