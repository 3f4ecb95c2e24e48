// How one of the staff gets in: password, links, tokens, XMPP addresses.

import { call, post, put } from './api.js';
import { ask, el } from './dom.js';
import { act, at, button, fold, form, get, input, isAdmin, labelled, me, textarea } from './settings-desk.js';
import { fullTime } from './time.js';

export function entry(o) {
  if (!isAdmin) return null;
  return fold(`entry-${o.name}`, 'Ways to sign in', async (again) => {
    const [tokens, addresses] = await Promise.all([get(`/tokens?operator=${at(o.name)}`), get(`/operators/${at(o.name)}/addresses`)]);
    const password = input('', { type: 'password', required: true, minlength: 8, maxlength: 1024, autocomplete: 'new-password' });
    const link = el('input', { readonly: true, 'aria-label': 'The link' });
    const label = input('', { maxlength: 60, placeholder: 'what it is for' });
    const token = el('input', { readonly: true, 'aria-label': 'The token' });
    const tokenBox = el('div', { hidden: true }, labelled('It is shown this once. Whoever has it may do what they may.', token));
    const linkBox = el('div', { hidden: true }, labelled('It works once, within three days. Give it to them and nobody else.', link));
    const jids = textarea(addresses.jids.join('\n'), { rows: 2, spellcheck: 'false', placeholder: 'ana@example.org' });
    return [
      form([labelled('A new password', password, o.name === me ? 'You will be signed out.' : 'They are signed out, and sign in with it.')],
        () => call('PATCH', `/operators/${at(o.name)}`, { password: password.value }).then(() => { password.value = ''; }), `${o.name} has a new password`, { word: 'Set' }),
      el('h4', 'A link'), linkBox,
      el('p.card-acts', button('Make a sign-in link', () => act(async () => {
        const made = await post(`/operators/${at(o.name)}/link`);
        link.value = made.link.startsWith('http') ? made.link : location.origin + made.path;
        linkBox.hidden = false;
        link.select();
      }, 'The link is made'))),
      el('h4', 'Tokens for scripts'),
      tokens.items.length ? el('ul.entries', ...tokens.items.map((t) => el('li', el('span', el('b', t.label ?? t.id), ` ${fullTime(t.made)}`),
        button('Revoke', async () => {
          if (await ask(`Revoke ${t.label ?? t.id}?`, 'Whatever uses it is kept out at once.', 'Revoke')) {
            act(() => call('DELETE', `/tokens/${at(t.id)}`), 'The token is revoked').then(again);
          }
        })))) : el('p.empty', 'None.'),
      tokenBox,
      form([labelled('A new one', label)], async () => {
        const made = await post('/tokens', { operator: o.name, label: label.value.trim() || null });
        token.value = made.token;
        tokenBox.hidden = false;
        label.value = '';
        token.select();
      }, 'The token is made', { word: 'Make' }),
      el('h4', 'A lost telephone, a shared computer'),
      el('p.hint', 'Every session, token and unused link of theirs ends. The password stays: set another one if somebody may know it.'),
      el('p.card-acts', button('Sign out everywhere', async () => {
        const words = o.name === me ? 'You are signed out here too, and your scripts are kept out.' : 'What they answer stays theirs for 90 seconds; their scripts are kept out.';
        if (await ask(`Sign ${o.name} out everywhere?`, words, 'Sign out')) {
          act(() => post(`/operators/${at(o.name)}/shut-out`), `${o.name} is signed out everywhere`).then(again);
        }
      })),
      el('h4', 'XMPP'),
      form([labelled('Their addresses, one a line', jids, 'Whose words count as theirs, where the desk has an XMPP server.')],
        () => put(`/operators/${at(o.name)}/addresses`, { jids: jids.value.split(/\s+/).filter(Boolean) }), `${o.name}: the addresses are saved`),
    ];
  });
}
