// Sound, title, badge and notifications: each can be switched off, none is the only one.

import { $, memory } from './dom.js';
import { isMine, isWaiting, lists, needsAnswer, store } from './store.js';

const SWITCHES = { sound: true, title: true, badge: true, notify: false };
const on = (name) => (memory.get(`alert-${name}`) ?? (SWITCHES[name] ? 'on' : 'off')) === 'on';
let audio = null;

function wakeAudio() {
  // Browsers let a page make sounds only after its reader did something.
  audio ??= window.AudioContext ? new AudioContext() : null;
  if (audio?.state === 'suspended') audio.resume().catch(() => {});
}
addEventListener('pointerdown', wakeAudio, { passive: true });
addEventListener('keydown', wakeAudio, { passive: true });

/** Two soft notes, as of a desk bell. */
export function beep() {
  if (!audio || audio.state !== 'running') return;
  const now = audio.currentTime;
  for (const [start, pitch] of [[0, 784], [0.13, 1047]]) {
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    tone.type = 'sine';
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0, now + start);
    loud.gain.linearRampToValueAtTime(0.18, now + start + 0.015);
    loud.gain.exponentialRampToValueAtTime(0.0001, now + start + 0.5);
    tone.connect(loud).connect(audio.destination);
    tone.start(now + start);
    tone.stop(now + start + 0.55);
  }
}

const plainTitle = document.title;
const icon = document.querySelector('link[rel=icon]');
const plainIcon = icon.href;
let dotted = false;
const DOTTED = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="5" y="1" width="22" height="30" rx="3" fill="#1c6650"/><rect x="8" y="8" width="16" height="15" rx="1.5" fill="#fffdf6"/><path d="M11 12.5h10M11 15.5h10M11 18.5h6" stroke="#1f2528" stroke-width="1.8" stroke-linecap="round"/><circle cx="24" cy="8" r="7.5" fill="#d93025" stroke="#fff" stroke-width="1.5"/></svg>')}`;

export function renderAlerts() {
  const { waiting, mine } = lists();
  const count = waiting.filter(needsAnswer).length + mine.filter(needsAnswer).length;
  const title = on('title') && count ? `(${count}) ${plainTitle}` : plainTitle;
  if (document.title !== title) document.title = title;
  const dot = on('badge') && count > 0;
  if (dot !== dotted) {
    dotted = dot;
    icon.href = dot ? DOTTED : plainIcon;
  }
  if (navigator.setAppBadge) (on('badge') && count ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {});
}

let last = 0;
/** A patron wrote, or something is handed to this operator. */
export function alertFor(c, said) {
  if (!c || (!isWaiting(c) && !isMine(c))) return;
  if (store.show === 'offline') return;
  // A burst is one sound.
  if (on('sound') && Date.now() - last > 1500) {
    last = Date.now();
    beep();
  }
  if (on('notify') && document.hidden && window.Notification?.permission === 'granted') {
    // Names only: a lock screen is not the place for a patron's words.
    const note = new Notification(`${c.patron} ${said}`, { body: `${c.queue} · ${store.library}`, tag: `c${c.id}`, icon: plainIcon });
    note.addEventListener('click', () => {
      focus();
      location.hash = `#c${c.id}`;
      note.close();
    });
  }
}

export function toggleSound() {
  $('alert-sound').click();
  return on('sound');
}

// Two tabs agree on what is switched on.
addEventListener('storage', (event) => {
  const name = event.key?.replace(/^alert-/, '');
  if (event.key !== name && name in SWITCHES) {
    $(event.key).checked = on(name);
    renderAlerts();
  }
});

for (const name of Object.keys(SWITCHES)) {
  const box = $(`alert-${name}`);
  box.checked = on(name);
  box.addEventListener('change', async () => {
    if (name === 'notify' && box.checked) {
      const granted = window.Notification ? await Notification.requestPermission() : 'missing';
      if (granted !== 'granted') {
        box.checked = false;
        const said = $('alert-notify-words');
        said.hidden = false;
        said.textContent = granted === 'missing'
          ? 'This browser has no notifications here (they need HTTPS).'
          : 'The browser refuses: allow notifications for this site in its settings.';
      }
    }
    memory.set(`alert-${name}`, box.checked ? 'on' : 'off');
    if (name === 'sound' && box.checked) beep();
    renderAlerts();
  });
}
