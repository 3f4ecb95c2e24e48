// Fills `.needs-js` elements of a library's page: the first child `.libraryh3lp` whose queue is
// online is shown, else the one that names no queue. `?poll` looks again while the page is open.
(function () {
  'use strict';
  var scripts = document.querySelectorAll('script[src*="libraryh3lp.js"]');
  var script = document.currentScript || scripts[scripts.length - 1];
  if (!script || !window.fetch) return;
  var source = new URL(script.src, location.href);
  var base = source.href.split('/js/libraryh3lp.js')[0];
  var polls = source.search.slice(1).split(/[,&]/).indexOf('poll') >= 0;

  function jidOf(node) {
    return node.getAttribute('jid') || node.getAttribute('data-lh3-jid') || '';
  }

  function isOnline(jid) {
    var at = jid.indexOf('@');
    if (at < 1) return Promise.resolve(false);
    var server = jid.slice(at + 1).split('/')[0];
    return fetch(base + '/presence/jid/' + encodeURIComponent(jid.slice(0, at)) + '/' + encodeURIComponent(server) + '/text', { credentials: 'omit' })
      .then(function (answer) { return answer.ok ? answer.text() : ''; })
      .then(function (text) { return text === 'available'; })
      .catch(function () { return false; });
  }

  function fill(place) {
    var choices = [].slice.call(place.querySelectorAll('.libraryh3lp'));
    var queues = choices.filter(jidOf);
    Promise.all(queues.map(function (node) { return isOnline(jidOf(node)); })).then(function (online) {
      var chosen = queues[online.indexOf(true)] || choices.filter(function (node) { return !jidOf(node); })[0];
      // Words such as "chat loading..." have had their time.
      [].slice.call(place.childNodes).forEach(function (node) { if (node.nodeType === 3) node.textContent = ''; });
      choices.forEach(function (node) { node.style.display = node === chosen ? 'block' : 'none'; });
    });
  }

  function fillAll() {
    var places = [].slice.call(document.querySelectorAll('.needs-js'));
    places.forEach(fill);
  }

  function start() {
    fillAll();
    if (polls) setInterval(fillAll, 30000);
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
