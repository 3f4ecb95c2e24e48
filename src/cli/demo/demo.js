// The phone beside the desk. Everything on it comes from the server: a second tab sees the same.

const by = (id) => document.getElementById(id);
const bubbles = new Map();
const READY = [
  "Hi! Is my book in? It is “The Overstory”.",
  "Thank you so much 📚😊 see you on Saturday!",
  "Hello, I am looking for material on the history of the old mill by the river for a school "
    + "project: maps, photographs, newspaper clippings, anything before 1950. Could you tell me "
    + "what you have, and whether my daughter can look at it on Saturday without an appointment?",
];
let shown = "";

const done = (step) => document.querySelector(`[data-try="${step}"]`)?.classList.add("done");

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}

function ticks(bubble) {
  const time = new Date(bubble.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (bubble.direction === "in") return time;
  return bubble.kept ? `${time} ✓✓ with the library` : `${time} ✓ on its way`;
}

function draw() {
  const list = by("bubbles");
  list.replaceChildren();
  for (const bubble of bubbles.values()) {
    if (bubble.number !== shown) continue;
    const item = document.createElement("li");
    item.className = `bubble ${bubble.direction}`;
    item.textContent = bubble.text;
    const small = document.createElement("small");
    small.textContent = ticks(bubble);
    item.append(small);
    list.append(item);
  }
  list.scrollTop = list.scrollHeight;
}

function take(bubble) {
  bubbles.set(bubble.id, bubble);
  if (bubble.direction === "out") done(by("duty").checked ? "text" : "away");
  if (bubble.direction === "in" && by("duty").checked) done("reply");
  if (bubble.number === shown) draw();
}

function duty(on) {
  if (on && !by("duty").checked && document.querySelector('[data-try="away"].done')) done("back");
  by("duty").checked = on;
}

async function load() {
  const state = await (await fetch("/demo/state")).json();
  by("library").textContent = `${state.library} · ${state.number}`;
  const select = by("patron");
  if (!select.options.length) {
    for (const patron of state.patrons) select.add(new Option(`${patron.name}, ${patron.number}`, patron.number));
    shown = select.value;
  }
  by("phones").checked = !state.switched_off;
  by("duty").checked = state.on_duty;
  bubbles.clear();
  for (const bubble of state.bubbles) bubbles.set(bubble.id, bubble);
  draw();
}

by("patron").addEventListener("change", (event) => {
  shown = event.target.value;
  draw();
});
by("duty").addEventListener("change", (event) => post("/demo/duty", { on: event.target.checked }));
by("phones").addEventListener("change", (event) => post("/demo/phones", { on: event.target.checked }));
[...by("ready").children].forEach((button, at) => {
  button.addEventListener("click", () => {
    by("words").value = READY[at];
    by("words").focus();
  });
});
by("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    by("write").requestSubmit();
  }
});
by("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = by("words").value.trim();
  if (!text) return;
  await post("/demo/text", { number: shown, text });
  by("words").value = "";
});

const news = new EventSource("/demo/news");
news.addEventListener("open", load);
news.addEventListener("again", load);
news.addEventListener("bubble", (event) => take(JSON.parse(event.data)));
news.addEventListener("duty", (event) => duty(JSON.parse(event.data).on_duty));
