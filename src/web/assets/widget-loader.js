// One line in a library's page:
//   <script src="https://desk.example/widget/NAME.js" async></script>
// A button while somebody is there, and the chat in a frame of its own. With data-offline="say" the
// button stays while nobody is, and the frame says `Chat is offline`. No cookies; what is kept is
// whether the chat is open, in this tab.
(function () {
  'use strict';
  var script = document.currentScript;
  if (!script || !window.fetch || !document.body && document.readyState !== 'loading') return;
  var base = script.src.replace(/\.js(\?.*)?$/, '');
  var home = new URL(base).origin;
  var says = script.dataset.offline === 'say';
  var label = script.dataset.label || 'Ask a librarian';
  var KEY = 'callnumber:' + base;
  var LOOK_EVERY = 20000;

  function recall() { try { return sessionStorage.getItem(KEY); } catch (e) { return null; } }
  function keep(value) { try { sessionStorage.setItem(KEY, value); } catch (e) { /* forgotten at the next page */ } }

  var host, button, count, frame, panel;
  var open = false;
  var unread = 0;
  var ready = false;

  var CSS = ':host{all:initial}' +
    '.b{position:fixed;right:16px;bottom:16px;z-index:2147483000;min-height:48px;padding:0 20px;border:2px solid #fff;border-radius:24px;background:#1c6650;color:#fff;font:600 16px/1 system-ui,sans-serif;box-shadow:0 2px 10px #0006;cursor:pointer}' +
    '.b:focus-visible{outline:3px solid #1c6650;outline-offset:3px}' +
    '.b i{display:inline-block;margin-left:8px;min-width:22px;padding:3px 6px;border-radius:11px;background:#fff;color:#1c6650;font-style:normal;font-size:14px}' +
    '.p{position:fixed;right:16px;bottom:76px;z-index:2147483000;width:min(380px,calc(100vw - 32px));height:min(580px,calc(100vh - 96px));border-radius:14px;overflow:hidden;border:1px solid #5d666b;box-shadow:0 6px 30px #0007;background:#fff}' +
    '.p iframe{display:block;width:100%;height:100%;border:0}' +
    '[hidden]{display:none!important}' +
    '@media (max-width:480px){.p{inset:0;width:auto;height:auto;border:0;border-radius:0}.p:not([hidden])~.b{display:none}}' +
    '@media print{.b,.p{display:none}}';

  function build() {
    host = document.createElement('div');
    var root = host.attachShadow({ mode: 'open' });
    // A constructed sheet passes where a page's policy forbids inline styles.
    var sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
    panel = document.createElement('div');
    panel.className = 'p';
    panel.id = 'callnumber-panel';
    panel.hidden = true;
    button = document.createElement('button');
    button.type = 'button';
    button.className = 'b';
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', panel.id);
    button.append(label);
    count = document.createElement('i');
    count.hidden = true;
    button.append(count);
    button.hidden = true;
    button.addEventListener('click', function () { toggle(!open, true); });
    root.append(panel, button);
    document.body.append(host);
  }

  function load() {
    if (frame) return;
    frame = document.createElement('iframe');
    frame.title = label;
    frame.allow = '';
    // The page goes behind the fragment sign: it is in nobody's log.
    frame.src = base + '#' + new URLSearchParams({ url: location.href.split('#')[0], title: document.title.slice(0, 200), framed: '1' });
    panel.append(frame);
  }

  function toggle(to, focus) {
    open = to;
    if (open) { load(); tally(0); }
    panel.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    keep(open ? 'open' : frame ? 'shut' : '');
    if (focus) (open ? frame : button).focus();
    tell();
  }

  function tell() { if (ready) frame.contentWindow.postMessage({ callnumber: 'shown', shown: open }, home); }

  function tally(n) {
    unread = n;
    count.hidden = n === 0;
    count.textContent = String(n);
    button.setAttribute('aria-label', n ? label + ', ' + n + ' new' : label);
  }

  addEventListener('message', function (event) {
    if (!frame || event.source !== frame.contentWindow || event.origin !== home || !event.data) return;
    if (event.data.callnumber === 'close') toggle(false, true);
    else if (event.data.callnumber === 'ready') { ready = true; tell(); }
    else if (event.data.callnumber === 'said' && !open) tally(unread + 1);
    else if (event.data.callnumber === 'talking') keep(open ? 'open' : 'shut');
  });

  function look() {
    fetch(base + '/standing', { credentials: 'omit', cache: 'no-cache' })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (told) {
        var there = told && told.standing !== 'offline';
        // A conversation that goes on is not taken away.
        button.hidden = !(there || says || open || recall() === 'shut');
      })
      .catch(function () { if (!open) button.hidden = !says; });
  }

  function start() {
    build();
    look();
    setInterval(function () { if (!document.hidden) look(); }, LOOK_EVERY);
    var was = recall();
    if (was === 'open') toggle(true, false);
    else if (was === 'shut') load();
  }
  if (document.body) start();
  else document.addEventListener('DOMContentLoaded', start);
})();
