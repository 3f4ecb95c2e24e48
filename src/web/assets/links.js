// Words with links in them. What the other side wrote only ever becomes text and addresses.

const LINK = /https?:\/\/[^\s<>"']+|(?:^|(?<=\s))\/f\/[a-z2-9]{12}\b/g;
const FILE = /\/f\/([a-z2-9]{12})$/;

/** Shows what a link to a file of ours leads to. */
async function about(secret, link, ready) {
  try {
    const file = await (await fetch(`/f/${secret}/about`, { credentials: 'omit' })).json();
    if (!file.name) return;
    link.href = file.path;
    link.className = 'file-chip';
    link.replaceChildren();
    if (file.kind.startsWith('image/')) {
      const picture = document.createElement('img');
      picture.alt = file.name;
      picture.addEventListener('load', () => ready?.());
      picture.src = file.path;
      link.append(picture);
    } else {
      const name = document.createElement('b');
      name.textContent = file.name;
      link.append(name, ` ${Math.max(1, Math.round(file.size / 1024))} kB`);
    }
  } catch { /* the link itself is there */ }
}

/** Puts `text` into `node`, its addresses as links, files of ours as what they are. */
export function linked(node, text, ready) {
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(/[.,;:!?)\]]+$/, '');
    const file = FILE.exec(address);
    let before = text.slice(at, match.index);
    // The name is on the file itself.
    if (file) before = before.replace(/(^|\n)[^\n]+\.\w{2,5} $/, '$1');
    const link = document.createElement('a');
    link.href = address;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    link.textContent = address;
    node.append(before, link);
    if (file) about(file[1], link, ready);
    at = match.index + address.length;
  }
  node.append(text.slice(at));
}
