// The console: feed to store, store to page.

import { alertFor, renderAlerts } from './alerts.js';
import { put } from './api.js';
import { $, announce, memory, show, toast, words } from './dom.js';
import { forgetCanned } from './canned.js';
import './keys.js';
import { renderLists } from './list.js';
import { follow } from './live.js';
import { renderPeople } from './people.js';
import { apply, changed, isHandedToMe, isMine, isWaiting, load, store, watch } from './store.js';
import { openFromAddress, renderThread } from './thread.js';

watch(() => {
  renderLists();
  renderThread();
  renderPeople();
  renderAlerts();
});

let lostTimer = 0;
function connected(up) {
  if (up === store.connected) return;
  store.connected = up;
  clearTimeout(lostTimer);
  // A blink is not worth a word.
  if (up) {
    if (!$('lost').hidden) announce('Connected again');
    show($('lost'), false);
  } else lostTimer = setTimeout(() => show($('lost'), true), 1500);
}

/** Reads the lists; until they are there, tries again. */
async function reload() {
  for (let wait = 1000; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      await load();
      return;
    } catch (error) {
      if (error.status === 401) return;
      words($('tally'), error.message);
      await new Promise((resolve) => { setTimeout(resolve, wait); });
    }
  }
}

function hear(event, data) {
  switch (event) {
    case 'hello':
      store.show = data.show;
      show($('updated'), data.version !== document.body.dataset.version);
      if (!data.resumed) reload();
      changed();
      return;
    case 'reset':
      reload();
      return;
    case 'message': {
      // Ids grow: what is not beyond the newest known came before, and is only told again.
      const fresh = store.loaded && data.direction === 'in' && data.id > store.newest;
      store.newest = Math.max(store.newest, data.id);
      apply(event, data);
      if (fresh) {
        // The conversation's own change comes in the same breath.
        setTimeout(() => {
          const c = store.conversations.get(data.conversation);
          if (c && (isWaiting(c) || isMine(c))) {
            if (store.current !== c.id) announce(`New text from ${c.patron}`);
            alertFor(c, 'wrote');
          }
        }, 100);
      }
      return;
    }
    case 'offer': {
      const c = store.conversations.get(data.conversation);
      if (c && isHandedToMe(c)) {
        announce(`${c.transfer.from} hands ${c.patron} over to you`);
        alertFor(c, `is handed to you by ${c.transfer.from}`);
      }
      return;
    }
    case 'withdraw': {
      const c = store.conversations.get(data.conversation);
      if (c && store.current === c.id && data.reason) toast(`${c.patron}: ${data.reason}`);
      apply(event, data);
      return;
    }
    case 'plan':
      if (data.changed === 'canned' || data.changed === 'all') forgetCanned();
      apply(event, data);
      return;
    default:
      apply(event, data);
  }
}

const again = follow(hear, connected);
$('lost-again').addEventListener('click', again);
$('updated-reload').addEventListener('click', () => location.reload());

// One after another: the last wish is the one that stays.
let telling = Promise.resolve();
for (const radio of document.querySelectorAll('input[name=show]')) {
  radio.addEventListener('change', () => { telling = telling.then(() => tell(radio.value)); });
}
async function tell(wanted) {
  try {
    await put('/presence', { show: wanted });
    store.show = wanted;
    announce(`You are ${wanted}`);
  } catch (error) {
    toast(error.message);
  }
  changed();
}

$('invite-go').addEventListener('click', () => document.querySelector('input[name=show][value=available]').click());

for (const radio of document.querySelectorAll('input[name=look]')) {
  radio.checked = (memory.get('look') || 'system') === radio.value;
  radio.addEventListener('change', () => {
    memory.set('look', radio.value === 'system' ? null : radio.value);
    if (radio.value === 'system') delete document.documentElement.dataset.look;
    else document.documentElement.dataset.look = radio.value;
  });
}

// Two tabs agree on their colours.
addEventListener('storage', (event) => {
  if (event.key !== 'look') return;
  const look = memory.get('look') || 'system';
  document.querySelector(`input[name=look][value="${look}"]`).checked = true;
  if (look === 'system') delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = look;
});

document.addEventListener('pointerdown', (event) => {
  if ($('menu').open && !$('menu').contains(event.target)) $('menu').open = false;
});
addEventListener('hashchange', openFromAddress);
// Ages grow by themselves.
setInterval(changed, 20_000);
openFromAddress();
