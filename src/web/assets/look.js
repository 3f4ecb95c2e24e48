// Loaded before the page is painted, so that a dark room stays dark.
(() => {
  let look = 'system';
  try { look = localStorage.getItem('look') || 'system'; } catch { /* storage is forbidden: the system's colours */ }
  if (look === 'light' || look === 'dark') document.documentElement.dataset.look = look;
})();
