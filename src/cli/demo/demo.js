// The phone beside the desk. Everything on it comes from the server: a second tab sees the same.

const by = (id) => document.getElementById(id);
const READY = [
  "Hi! Is my book in? It is “The Overstory”.",
  "Thank you so much 📚😊 see you on Saturday! 👩🏽‍🚀🇺🇸",
  "Hello, I am looking for material on the history of the old mill by the river for a school "
    + "project: maps, photographs, newspaper clippings, anything before 1950. Could you tell me "
    + "what you have, and whether my daughter can look at it on Saturday without an appointment?",
];
const AGAIN_MIN = 300;
const AGAIN_MAX = 5000;

const bubbles = new Map(); // id to bubble, in order
const items = new Map(); // id to what shows it, for the phone that is looked at
const unread = new Map(); // number to how many
const drafts = new Map(); // number to words
let patrons = [];
let shown = "";
let run = "";
let deskNews = 0;

const narrow = matchMedia("(max-width: 54rem)");
const looking = (side) => !narrow.matches || document.body.dataset.view === side;

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}

// Bubbles ----------------------------------------------------------------------------------------

const time = (at) => new Date(at).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });

function foot(bubble) {
  const words = document.createElement("small");
  const tick = document.createElement("span");
  tick.className = "tick";
  tick.setAttribute("aria-hidden", "true");
  if (bubble.direction === "in") {
    const whose = { librarian: "Librarian", desk: "Automatic notice" }[bubble.author];
    words.textContent = whose ? `${whose} · ${time(bubble.at)}` : time(bubble.at);
  } else {
    tick.textContent = bubble.kept ? "✓✓" : "✓";
    words.append(tick, ` ${bubble.kept ? "Delivered" : "Sent"} · ${time(bubble.at)}`);
  }
  return words;
}

function draw(bubble) {
  if (bubble.number !== shown) return;
  const list = by("bubbles");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  let item = items.get(bubble.id);
  const fresh = !item;
  if (fresh) {
    item = document.createElement("li");
    items.set(bubble.id, item);
    list.append(item);
  }
  item.className = `bubble ${bubble.direction}${bubble.author === "desk" ? " notice" : ""}`;
  const words = document.createElement("p");
  words.dir = "auto";
  words.textContent = bubble.text;
  item.replaceChildren(words, foot(bubble));
  if (fresh || atEnd) list.scrollTop = list.scrollHeight;
}

function drawAll() {
  items.clear();
  by("bubbles").replaceChildren();
  for (const bubble of bubbles.values()) draw(bubble);
}

function take(bubble) {
  const before = bubbles.get(bubble.id);
  bubbles.set(bubble.id, bubble);
  if (!before && bubble.direction === "in") {
    const name = patrons.find((patron) => patron.number === bubble.number)?.name;
    by("announce").textContent = `On ${name}’s phone: ${bubble.text}`;
    if (bubble.number !== shown || !looking("phone")) {
      unread.set(bubble.number, (unread.get(bubble.number) ?? 0) + 1);
    }
  }
  if (bubble.direction === "out" && bubble.kept && !before?.kept && !looking("desk")) deskNews += 1;
  draw(bubble);
  badges();
}

// Badges, steps and switches -----------------------------------------------------------------------

function badge(element, count, words) {
  element.hidden = count === 0;
  element.textContent = count > 9 ? "9+" : String(count);
  if (count) element.setAttribute("aria-label", `${count} ${words}`);
}

function badges() {
  let all = 0;
  for (const patron of patrons) {
    const count = unread.get(patron.number) ?? 0;
    all += count;
    badge(patron.badge, count, "unread");
  }
  badge(by("badge-phone"), all, "unread");
  badge(by("badge-desk"), deskNews, "new");
}

function tried(steps) {
  let next = true;
  for (const item of by("tries").children) {
    const done = steps.includes(item.dataset.try);
    item.classList.toggle("done", done);
    item.classList.toggle("next", next && !done);
    item.querySelector(".unseen").textContent = done ? "Done." : "";
    if (!done) next = false;
  }
}

function duty(on) {
  by("duty").checked = on;
  by("duty").disabled = false;
}

function phones({ off, waiting }) {
  by("power").checked = !off;
  by("power").disabled = false;
  by("off").hidden = !off;
  by("off-words").textContent = waiting === 0
    ? "Texts for it wait at the network."
    : `${waiting === 1 ? "1 text waits" : `${waiting} texts wait`} at the network.`;
  for (const element of by("phone").querySelectorAll("input, textarea, button")) element.disabled = off;
}

function press(box, path) {
  box.addEventListener("change", async () => {
    const on = box.checked;
    try {
      await post(path, { on });
    } catch {
      box.checked = !on;
    }
  });
}
press(by("duty"), "/demo/duty");
press(by("power"), "/demo/phones");

// The patrons ------------------------------------------------------------------------------------

function hold(number) {
  drafts.set(shown, by("words").value);
  shown = number;
  by("words").value = drafts.get(number) ?? "";
  problem("");
  seen();
  drawAll();
}

function seen() {
  if (looking("phone")) unread.delete(shown);
  if (looking("desk")) deskNews = 0;
  badges();
}

function introduce(people) {
  patrons = people.map((patron, at) => {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), {
      type: "radio", name: "patron", value: patron.number, checked: at === 0,
    });
    radio.addEventListener("change", () => hold(patron.number));
    const words = document.createElement("span");
    const count = document.createElement("span");
    count.className = "badge";
    count.hidden = true;
    count.setAttribute("role", "img");
    words.append(patron.name, " ", count);
    words.title = patron.number;
    label.append(radio, words);
    by("patrons").append(label);
    return { ...patron, badge: count };
  });
  shown = patrons[0].number;
}

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    document.body.dataset.view = button.dataset.show;
    for (const each of document.querySelectorAll("[data-show]")) {
      each.setAttribute("aria-pressed", String(each === button));
    }
    seen();
    by("bubbles").scrollTop = by("bubbles").scrollHeight;
  });
}
narrow.addEventListener("change", seen);

// Writing ----------------------------------------------------------------------------------------

function problem(words) {
  by("problem").textContent = words;
  by("problem").hidden = !words;
}

[...by("ready").children].forEach((button, at) => {
  button.addEventListener("click", () => {
    by("words").value = READY[at];
    by("words").focus();
  });
});
by("words").addEventListener("keydown", (event) => {
  // Enter also ends a word that is being composed; that one is not for us.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    by("write").requestSubmit();
  }
});
by("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const box = by("words");
  const text = box.value.trim();
  if (!text) return;
  const number = shown;
  box.value = "";
  problem("");
  try {
    await post("/demo/text", { number, text });
  } catch {
    // The words come back, wherever the patron is now.
    if (shown === number && !box.value) box.value = text;
    else drafts.set(number, text);
    problem("The phone has no network just now. Try again in a moment.");
  }
});

// The line to the server -------------------------------------------------------------------------

async function load() {
  const answer = await fetch("/demo/state", { cache: "no-store" });
  if (!answer.ok) throw new Error(`state: ${answer.status}`);
  const state = await answer.json();
  if (run && run !== state.run) {
    // Another run: its desk does not know this page's session.
    location.reload();
    return;
  }
  if (!run) {
    run = state.run;
    by("library").textContent = state.library;
    by("number").textContent = state.number.replace(/^\+1(...)(...)(....)$/, "+1 $1 $2 $3");
    introduce(state.patrons);
    by("desk").src = "/demo/desk";
  }
  duty(state.on_duty);
  phones(state.phones);
  tried(state.phones.tried);
  bubbles.clear();
  for (const bubble of state.phones.bubbles) bubbles.set(bubble.id, bubble);
  drawAll();
}

let again = AGAIN_MIN;
let lost = 0;

function listen() {
  const news = new EventSource("/demo/news");
  let ready = Promise.resolve();
  let over = false;
  const retry = () => {
    if (over) return;
    over = true;
    news.close();
    if (!lost) lost = setTimeout(() => { by("lost").hidden = false; }, 1500);
    setTimeout(listen, again);
    again = Math.min(again * 1.6, AGAIN_MAX);
  };
  const fresh = () => {
    ready = load().then(() => {
      again = AGAIN_MIN;
      clearTimeout(lost);
      lost = 0;
      by("lost").hidden = true;
      return true;
    }, () => {
      retry();
      return false;
    });
  };
  // What is told while the state is read comes after it.
  const on = (name, act) => news.addEventListener(name, async (event) => {
    if (await ready) act(JSON.parse(event.data));
  });
  news.addEventListener("open", fresh);
  news.addEventListener("again", fresh);
  news.addEventListener("error", retry);
  on("bubble", take);
  on("tried", tried);
  on("phones", phones);
  on("duty", (told) => duty(told.on));
}
listen();

function clock() {
  by("clock").textContent = time(Date.now());
}
clock();
setInterval(clock, 10_000);
