// The chat's behaviour. Served with skin.js before it, inside one function: nothing leaks but `window.receptionist`.
//
// Three rules keep it honest: what the visitor wrote is in localStorage until the server has answered 202 for it, and
// goes out again under the same id; what was said is only shown from the server's transcript, by its ids; text is only
// ever put into the page as text.

const script = document.currentScript || document.querySelector('script[data-line][src*="/webchat/widget.js"]');
const LINE = script && script.dataset.line;
if (!LINE) return console.error('receptionist: the script tag needs data-line="KEY"');
if (window.receptionist) return console.warn('receptionist: the chat is on this page already');
const API = new URL(encodeURIComponent(LINE), script.src).href;
const LIVE = API.replace(/^http/, 'ws') + '/live';
const SECOND = 1000;
const HOUR = 3600 * SECOND;
const PAGE = 100;

// --- storage: per line and person; in memory where the browser refuses ---------------------------------------------

const memory = new Map();
const store = {
  read(key) {
    try { return JSON.parse(memory.get(key) ?? localStorage.getItem(key)); } catch { return null; }
  },
  write(key, value) {
    const text = JSON.stringify(value);
    try { localStorage.setItem(key, text); memory.delete(key); } catch { memory.set(key, text); }
  },
  remove(key) {
    memory.delete(key);
    try { localStorage.removeItem(key); } catch { /* it was never there */ }
  },
  keys(prefix) {
    let stored = [];
    try { stored = Object.keys(localStorage); } catch { /* none then */ }
    return [...new Set([...stored, ...memory.keys()])].filter((key) => key.startsWith(prefix)).sort();
  },
};

/**
 * Do `work(true)` while no other tab of the site does work of this name. A browser that refuses storage refuses locks, too;
 * then the tabs share nothing that could be done twice. With `ifAvailable`, `work(null)` if another tab is at it.
 */
async function alone(name, options, work) {
  let begun = false;
  const begin = (lock) => { begun = true; return work(lock && true); };
  try {
    if (navigator.locks) return await navigator.locks.request(prefix + name, options, begin);
  } catch (error) {
    if (begun) throw error;
  }
  return work(true);
}

const ROOT_KEY = `receptionist:${LINE}:`;
const LOOK_KEY = ROOT_KEY + 'look';
const DRAFT_KEY = ROOT_KEY + 'draft';

// --- who is chatting -------------------------------------------------------------------------------------------------

/** undefined: the site will say later; null: nobody in particular; else the site's JWT. */
let identity = script.dataset.identity === undefined ? null : script.dataset.identity || undefined;
let prefix = '';
let state = {};
let look = store.read(LOOK_KEY) || {};
/** Grows whenever the person changes, so that answers meant for the last one are dropped. */
let era = 0;

function personOf(jwt) {
  if (!jwt) return jwt === null ? 'visitor' : 'unknown';
  let subject = jwt;
  try {
    const part = jwt.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    subject = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0)))).sub;
  } catch { /* the server will refuse it; until then it is a person of its own */ }
  let hash = 5381n;
  for (const unit of String(subject)) hash = (hash * 33n + BigInt(unit.codePointAt(0))) % 0xffffffffffffffc5n;
  return 'user-' + hash.toString(36);
}

/** Start over as whoever `identity` says, forgetting everything stored of anybody else. */
function become() {
  const before = prefix;
  era += 1;
  prefix = `${ROOT_KEY}${personOf(identity)}:`;
  if (identity !== undefined) for (const key of store.keys(ROOT_KEY)) if (!key.startsWith(prefix) && key !== LOOK_KEY) store.remove(key);
  state = store.read(prefix + 'state') || {};
  clearTalk();
  takeDraft(before);
}

function save(change) {
  state = { ...store.read(prefix + 'state'), ...state, ...change };
  store.write(prefix + 'state', state);
}

function clearTalk() {
  drop();
  clearTimeout(drainTimer);
  clearTimeout(pollTimer);
  opening = null;
  cursor = 0;
  activeUntil = 0;
  doneTurns.clear();
  setPartial(null);
  setTyping(false);
  for (const row of rows.values()) row.el.remove();
  rows.clear();
  greet();
  showReach();
  setTrouble('');
  showUnread();
}

// --- requests ----------------------------------------------------------------------------------------------------------

class Failure extends Error {
  constructor(status, code, message, wait) {
    super(message);
    Object.assign(this, { status, code, wait });
  }
}
const backoff = (attempt) => Math.min(30, 0.5 * 2 ** attempt) * (0.5 + Math.random()) * SECOND;

/** JSON of a successful answer. Throws `Failure`; its status is 0 when no answer came. */
async function ask(path, options = {}) {
  const mine = era;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 15 * SECOND);
  let response, data;
  try {
    response = await fetch(API + path, { mode: 'cors', credentials: 'omit', cache: 'no-store', signal: abort.signal, ...options });
    data = await response.json();
  } catch (error) {
    if (!response || response.ok) {
      if (mine === era) setReach(false);
      if (!response && !abort.signal.aborted) inspect();
      throw new Failure(0, 'network', String(error));
    }
  } finally {
    clearTimeout(timer);
  }
  if (mine !== era) throw new Failure(-1, 'stale', 'another person is here now');
  setReach(response.status < 500);
  if (response.ok) return data;
  const { code = '', message = '' } = (data && data.error) || {};
  if (REFUSALS.includes(code)) leave();
  throw new Failure(response.status, code, message, Number(response.headers.get('Retry-After')) * SECOND || 0);
}

/** `keepalive`: who writes and leaves the page at once is heard all the same. */
const post = (path, body, headers) =>
  ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers }, keepalive: true });
const bearer = () => ({ Authorization: `Bearer ${state.token}` });

// --- a page that may not use the line ------------------------------------------------------------------------------------

/** The codes with which the server says that this page may not use the line. */
const REFUSALS = ['not_allowed', 'not_found'];
let inspecting = false;
let gone = false;

/**
 * Tell a page that is refused from a lost network. The browser hides why a preflight failed, so this asks once more in a
 * way that needs none: whatever the page, it may read our refusal. Only that takes the chat away; no answer, or one of
 * something between us and the server, is the network, and is tried again as ever.
 */
async function inspect() {
  if (gone || inspecting || navigator.onLine === false) return;
  inspecting = true;
  const refusal = await fetch(API + '/session', { method: 'POST', credentials: 'omit', cache: 'no-store' })
    .then((response) => response.json())
    .then(({ error }) => Boolean(error) && REFUSALS.includes(error.code))
    .catch(() => false);
  inspecting = false;
  if (refusal) leave();
}

/** Take the chat off a page that is refused, or whose line was switched off. What was written stays stored for later. */
function leave() {
  if (gone) return;
  gone = true;
  isOpen = false;
  era += 1;
  clearTalk();
  root.getRootNode().host.remove();
  const { origin } = location;
  console.warn(`Receptionist: this page (${origin}) may not use line ${LINE}. Allow it: `
    + `receptionist line set NUMBER 'allowed_origins=["${origin}"]', or see whether the line is active and data-line is right.`);
}

let opening = null;
/** A good token in `state`, asking for one if need be; one question at a time. */
function session(fresh = false) {
  if (!fresh && state.token && state.expires > Date.now() + 60 * SECOND) return Promise.resolve();
  if (opening) return opening;
  const mine = alone('session', {}, openSession)
    .finally(() => { if (opening === mine) opening = null; });
  opening = mine;
  return mine;
}

async function openSession() {
  const stored = store.read(prefix + 'state');
  if (stored && stored.token !== state.token && stored.expires > Date.now() + 60 * SECOND) return adopt(stored);
  let answer;
  try {
    const body = { ...(state.token && { token: state.token }), ...(identity && { identity }) };
    answer = await post('/session', body);
  } catch (error) {
    if (error.code === 'identity_refused') {
      if (troubleWord !== 'identity') console.warn(`Receptionist: ${error.message}`);
      setTrouble('identity');
    }
    throw error;
  }
  if (troubleWord === 'identity') setTrouble('');
  look = { line: answer.line, limits: answer.limits, at: Date.now() };
  store.write(LOOK_KEY, look);
  adopt({ token: answer.token, expires: Date.now() + answer.expires_in * SECOND, visitor: answer.visitor });
  dress();
}

/** Go on under a session that was opened here or in another tab. */
function adopt({ token, expires, visitor }) {
  if (state.visitor && state.visitor !== visitor) forgetShown();
  save({ token, expires, visitor });
}

/** The server knows us under another name now: what it told the last one is not ours to show. */
function forgetShown() {
  for (const [key, row] of rows) if (row.id) { row.el.remove(); rows.delete(key); }
  cursor = 0;
  setPartial(null);
  save({ seen: 0 });
}

// --- the outbox: in order, one at a time, until the server says 202 ----------------------------------------------------

let draining = false;
let drainTimer = 0;
let sendAttempts = 0;

const queued = () => store.keys(prefix + 'q:').map((key) => ({ key, ...store.read(key) })).filter((item) => item.id);

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID(); // missing on pages without https
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

function say(text) {
  const at = Math.max(Date.now(), ...queued().map((item) => item.at + 1)); // clocks are put back, too
  const item = { id: newId(), text, at };
  item.key = `${prefix}q:${String(item.at).padStart(15, '0')}:${item.id}`;
  store.write(item.key, item);
  save({ wrote: Date.now() });
  showQueued(item, 'sending');
  activeUntil = Date.now() + 120 * SECOND;
  scrollDown(true);
  drain();
  wake();
}

/** Send what waits; among the tabs of this site only one does at any moment. */
async function drain() {
  clearTimeout(drainTimer);
  if (draining || gone || identity === undefined || !queued().some((item) => !item.failed)) return;
  draining = true;
  const mine = era;
  let again = SECOND; // another tab is sending
  const work = async (lock) => { if (lock) again = await drainAll(mine); };
  try {
    await alone('sending', { ifAvailable: true }, work);
  } finally {
    draining = false;
  }
  if (mine !== era) return drain();
  if (again) drainTimer = setTimeout(drain, again);
}

/** Milliseconds to wait before the next try; 0 when all is sent. */
async function drainAll(mine) {
  for (;;) {
    const item = queued().find((one) => !one.failed);
    if (!item || mine !== era) return 0;
    try {
      await session();
      markRow(item.id, 'sending');
      await post('/messages', { id: item.id, text: item.text }, bearer());
      sendAttempts = 0;
      store.remove(item.key);
      markRow(item.id, 'sent');
    } catch (error) {
      if (mine !== era) return 0;
      const wait = notSent(item, error);
      if (wait) return wait;
    }
  }
}

function notSent(item, error) {
  if (error.code === 'identity_refused') {
    markWaiting('held');
    return 60 * SECOND;
  }
  if (error.status === 401 && sendAttempts < 2) {
    sendAttempts += 1;
    save({ expires: 0 });
    return 1;
  }
  if (error.status === 429) {
    markWaiting('slow');
    return Math.max(SECOND, error.wait);
  }
  if (error.status >= 400 && error.status < 500 && error.status !== 401 && error.status !== 408) {
    store.write(item.key, { ...item, failed: error.message || String(error.status) });
    markRow(item.id, 'failed', error.message);
    return 0;
  }
  markWaiting('waiting');
  return error.wait || backoff(sendAttempts++);
}

function markWaiting(kind) {
  for (const item of queued()) if (!item.failed) markRow(item.id, kind);
}

function retry(id) {
  const item = queued().find((one) => one.id === id);
  if (!item) return;
  store.write(item.key, { ...item, failed: undefined });
  markRow(id, 'sending');
  drain();
}

/** Forget a message that was not sent; other tabs hear of it by the store. */
function discard(id) {
  const item = queued().find((one) => one.id === id && one.failed);
  if (!item) return;
  store.remove(item.key);
  removeRow(id);
}

// --- live: a socket while somebody looks or waits, polling where sockets do not work -----------------------------------

let cursor = 0;
let socket = null;
let ready = false;
let lastFrame = 0;
let attempts = 0;
let failures = 0;
let socketAgainAt = 0;
let retryTimer = 0;
let pollTimer = 0;
let polling = false;
let pollAttempts = 0;
let activeUntil = 0;
let hiddenSince = 0;
const doneTurns = new Set();

const active = () => Date.now() < activeUntil;
const hiddenLong = () => hiddenSince && Date.now() - hiddenSince > 60 * SECOND;
const wanted = () => identity !== undefined && !hiddenLong() && (isOpen || active());

/** Look at what is needed now, and do it. Safe to call at any time. */
function wake() {
  if (gone) return;
  if (!wanted()) {
    drop();
    if (state.wrote && !pollTimer) schedulePoll(30 * SECOND);
    return;
  }
  const slow = socket && !ready && Date.now() - lastFrame > 2 * SECOND;
  if ((failures >= 2 || slow) && !ready && !pollTimer) schedulePoll(0);
  if (!socket && !retryTimer && Date.now() >= socketAgainAt) connect();
}

async function connect() {
  const mine = era;
  retryTimer = -1;
  try {
    await session();
  } catch (error) {
    if (mine !== era) return;
    retryTimer = 0;
    reconnectIn(error.wait || (error.code === 'identity_refused' ? 60 * SECOND : backoff(attempts++)));
    return;
  }
  retryTimer = 0;
  if (mine === era && !socket && wanted()) openSocket();
}

function openSocket() {
  try {
    socket = new WebSocket(LIVE);
  } catch {
    return lost(0); // Safari's way to say that the site's Content-Security-Policy forbids it
  }
  const mine = socket;
  let partial = null;
  let isTyping = false;
  lastFrame = Date.now();
  mine.onopen = () => mine.send(JSON.stringify({ type: 'hello', token: state.token, after: cursor }));
  mine.onmessage = (event) => {
    if (mine !== socket) return;
    lastFrame = Date.now();
    const frame = JSON.parse(event.data);
    if (ready || frame.type === 'message') return receive(frame);
    if (frame.type === 'delta') partial = frame;
    if (frame.type === 'typing') isTyping = true;
    if (frame.type === 'ready') connected(partial, isTyping);
  };
  mine.onclose = (event) => { if (mine === socket) lost(event.code); };
}

function connected(partial, isTyping) {
  ready = true;
  attempts = failures = 0;
  clearTimeout(pollTimer);
  pollTimer = 0;
  setReach(true);
  showNow(partial, isTyping);
}

function lost(code) {
  const worked = ready;
  drop();
  if (code === 4401) save({ expires: 0 });
  if (!worked && navigator.onLine !== false) failures += code === 4429 ? 2 : 1;
  if (failures >= 2) socketAgainAt = Date.now() + Math.min(600, 60 * 2 ** (failures - 2)) * SECOND;
  if (failures >= 2) wake();
  else reconnectIn(backoff(attempts++));
}

function reconnectIn(wait) {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => { retryTimer = 0; wake(); }, wait);
}

function drop() {
  const old = socket;
  socket = null;
  ready = false;
  clearTimeout(retryTimer);
  retryTimer = 0;
  if (old) old.close();
}

/** Something is missing in the partial reply: come back at once and be told the whole of it. */
function resync() {
  drop();
  reconnectIn(50);
}

function schedulePoll(wait) {
  clearTimeout(pollTimer);
  pollTimer = gone || document.hidden || identity === undefined ? 0 : setTimeout(poll, wait);
}

async function poll() {
  pollTimer = 0;
  if (polling || ready) return;
  polling = true;
  let wait = 0;
  const mine = era;
  try {
    await session();
    const answer = await ask(`/messages?after=${cursor}`, { headers: bearer() });
    answer.messages.forEach(showRecorded);
    if (!ready) showNow(answer.partial, answer.typing);
    pollAttempts = 0;
    if (answer.messages.length >= PAGE) wait = 1;
  } catch (error) {
    if (mine === era) {
      if (error.status === 401) save({ expires: 0 });
      if (!error.status) socketAgainAt = 0; // the network is the trouble, not the socket
      wait = error.wait || backoff(++pollAttempts);
    }
  }
  polling = false;
  if (ready) return;
  if (wanted()) schedulePoll(wait || (active() ? 2 : 5) * SECOND);
  else if (wait || state.wrote) schedulePoll(wait || 30 * SECOND);
  if (!wait) wake();
}

function receive(frame) {
  if (frame.type === 'message') return showRecorded(frame.message);
  if (frame.type === 'typing') setTyping(true);
  if (frame.type === 'delta') addDelta(frame);
  if (frame.type === 'reset') withdraw(frame.turn);
}

function tick() {
  if (ready && Date.now() - lastFrame > 45 * SECOND) lost(0);
  else if (ready && Date.now() - lastFrame > 25 * SECOND) socket.send('{"type":"ping"}');
  else if (socket && !ready && Date.now() - lastFrame > 8 * SECOND) lost(0);
  wake();
}

// --- the reply that is being written -----------------------------------------------------------------------------------

let partialReply = null;
let typingTimer = 0;

/** `offset` counts characters as Python does: code points, not UTF-16 units. */
function addDelta({ turn, text, offset }) {
  if (doneTurns.has(turn)) return;
  const have = partialReply && partialReply.turn === turn ? partialReply : { turn, text: '', count: 0 };
  if (offset > have.count) return resync();
  const fresh = [...text].slice(have.count - offset);
  activeUntil = Math.max(activeUntil, Date.now() + 30 * SECOND);
  if (fresh.length) setPartial({ turn, text: have.text + fresh.join(''), count: have.count + fresh.length });
}

/** What the server says is going on; a turn whose message is here already is over. */
function showNow(partial, isTyping) {
  setPartial(partial && !doneTurns.has(partial.turn) ? partial : null);
  setTyping(isTyping && !partial);
}

function setPartial(value) {
  const stick = atBottom();
  partialReply = value && value.text ? { ...value, count: [...value.text].length } : null;
  writing.hidden = !partialReply;
  if (partialReply) {
    setTyping(false);
    writingText.textContent = partialReply.text;
  }
  showBusy();
  if (stick) scrollDown(true);
}

/** The partial reply is taken back; mostly another follows, but not always. */
function withdraw(turn) {
  const shown = !dots.hidden || (partialReply && partialReply.turn === turn);
  setPartial(null);
  setTyping(shown, 15);
}

function showBusy() {
  const word = dots.hidden && writing.hidden ? '' : words.typing;
  if (busy.textContent !== word) busy.textContent = word;
}

function setTyping(on, seconds = 60) {
  clearTimeout(typingTimer);
  const stick = atBottom();
  dots.hidden = !on;
  if (on) {
    activeUntil = Math.max(activeUntil, Date.now() + 30 * SECOND);
    typingTimer = setTimeout(() => setTyping(false), seconds * SECOND);
  }
  showBusy();
  if (stick) scrollDown(true);
}

// --- the page ------------------------------------------------------------------------------------------------------------

function el(tag, name, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function icon(name, className = '') {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: className })) svg.setAttribute(key, value);
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

const badge = el('span', 'badge', { hidden: '' });
const bubble = el('button', 'bubble', { type: 'button', 'aria-expanded': 'false', 'aria-controls': 'panel' }, icon('chat', 'chat'), icon('shut', 'shut'), badge);
const face = el('div', 'face', { 'aria-hidden': 'true' });
const title = el('h2', 'title', { id: 'title', dir: 'auto' });
const statusText = el('span');
const notice = el('p', 'notice', { dir: 'auto' });
const closeButton = el('button', 'close', { type: 'button' }, icon('close'));
const head = el('header', 'head', {}, face, el('div', 'who', {}, title, el('p', 'status', {}, el('span', 'dot'), statusText)), closeButton);
const dots = el('div', 'row typing', { hidden: '' }, el('div', 'text', {}, el('i'), el('i'), el('i')));
const writingText = el('div', 'text', { dir: 'auto' });
const writing = el('div', 'row still', { hidden: '' }, writingText);
const tail = el('div', 'tail', { 'aria-hidden': 'true' }, writing, dots);
const log = el('div', 'log', { role: 'log', 'aria-live': 'polite', 'aria-relevant': 'additions', tabindex: '0' }, tail);
const trouble = el('p', 'trouble', { role: 'status' });
const excess = el('p', 'trouble', { role: 'status' });
/** For those who do not see the dots and the reply growing. */
const busy = el('p', 'hush', { role: 'status' });
const input = el('textarea', 'input', { rows: '1', dir: 'auto', enterkeyhint: 'send', autocomplete: 'off' });
const sendButton = el('button', 'send', { type: 'submit', 'aria-disabled': 'true' }, icon('send'));
const form = el('form', 'form', {}, input, sendButton);
const panel = el('section', 'panel', { id: 'panel', role: 'dialog', 'aria-labelledby': 'title', tabindex: '-1', hidden: '' }, head, notice, log, el('div', 'foot', {}, busy, trouble, excess, form));
const root = el('div', 'root', {}, panel, bubble);

let words = WORDS.en;
let isOpen = false;
let reach = null;
let troubleWord = '';
/** Whether the log is at its end, where it stays whatever happens to its height. */
let atEnd = true;
const rows = new Map();
let order = 0;
/** The body the chat is in. Sites that go from page to page by a new body (Turbo) take the chat along. */
let home = null;

function build() {
  const host = document.createElement('receptionist-chat');
  const shadow = host.attachShadow({ mode: 'closed' });
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    shadow.append(el('style', '', {}, STYLE)); // browsers before constructable style sheets
  }
  shadow.append(root);
  const settle = () => {
    if (gone || !document.body || document.body === home) return;
    home = document.body;
    home.append(host);
    scrollDown(atEnd);
  };
  settle();
  new MutationObserver(settle).observe(document.documentElement, { childList: true });
}

/** Colour, side, language and title, as the line has them (or had them on the last visit). */
function dress() {
  const line = look.line || {};
  const asked = [script.dataset.language, line.language, ...(navigator.languages || [])];
  const language = asked.map((tag) => String(tag || '').slice(0, 2).toLowerCase()).find((tag) => tag in WORDS) || 'en';
  words = WORDS[language];
  root.lang = language;
  root.classList.toggle('left', line.position === 'left');
  if (/^#[0-9a-f]{6}$/.test(line.colour || '')) colour(line.colour);
  title.textContent = line.title || words.chat;
  const initial = [...(line.title || '')].find((letter) => /\p{L}|\p{N}/u.test(letter));
  face.replaceChildren(initial ? initial.toUpperCase() : icon('chat'));
  notice.textContent = line.notice || '';
  input.placeholder = words.write;
  input.setAttribute('aria-label', words.label);
  sendButton.setAttribute('aria-label', words.send);
  closeButton.setAttribute('aria-label', words.close);
  log.setAttribute('aria-label', words.messages);
  setTrouble(troubleWord);
  showReach();
  showUnread();
  grow();
  greet();
}

/** Text on the accent is white if that is readable (WCAG 2.2, 4.5:1), else black, which then is. */
function colour(hex) {
  const part = (at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  root.style.setProperty('--accent', hex);
  root.style.setProperty('--on-accent', 1.05 / (light + 0.05) >= 4.5 ? '#fff' : '#000');
  const lost = light > 0.75 || light < 0.02; // hardly to be seen on white, or on the dark surface
  root.style.setProperty('--edge', lost ? 'var(--field)' : 'transparent');
}

function setReach(value) {
  reach = value;
  if (value && troubleWord === 'unreachable') setTrouble('');
  if (value === false && navigator.onLine !== false && !troubleWord) setTrouble('unreachable');
  showReach();
}

function showReach() {
  const offline = navigator.onLine === false;
  root.classList.toggle('away', offline || !reach);
  statusText.textContent = offline ? words.offline : reach === false ? words.connecting : byPerson() ? words.person : words.assistant;
}

/** Whether the newest words of the business are those of a person. */
function byPerson() {
  const last = [...rows.values()].filter((row) => row.id && !row.mine).reduce((one, row) => (one && one.id > row.id ? one : row), null);
  return Boolean(last) && last.person;
}

function setTrouble(word) {
  troubleWord = word;
  trouble.textContent = word ? words[word] : '';
}

// --- messages in the page ------------------------------------------------------------------------------------------------

const LINK = /\b(?:https?:\/\/|mailto:|tel:)[^\s<>"'`。，、；！？）」]+/gi;

/** Text with its addresses as links; only harmless ones, and nothing else is ever markup. */
function fill(node, text) {
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    let address = match[0].replace(/[.,;:!?…»”*]+$/, '');
    if (address.endsWith(')') && !address.includes('(')) address = address.slice(0, -1);
    const url = URL.canParse && !URL.canParse(address) ? null : address;
    if (!url) continue;
    node.append(text.slice(from, match.index));
    node.append(el('a', '', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, url));
    from = match.index + address.length;
  }
  node.append(text.slice(from));
}

/** Whose words these are, where it is not the assistant; core's own word for the staff is "person". */
const nameOf = (author) => ({ '': '', agent: '', customer: '', person: words.person }[author] ?? author);

function makeRow(key, { text, mine, at, author = '', id = 0, still = false, greeting = false, choices = [] }) {
  const body = el('div', 'text', { dir: 'auto' });
  fill(body, text);
  const meta = el('div', 'meta');
  const row = { key, id, mine, at, state: '', reason: '', order: greeting ? -1 : order++, meta };
  row.el = el('div', `row${mine ? ' mine' : ''}${still ? ' still' : ''}`);
  if (author) row.el.append(el('div', 'author', { dir: 'auto' }, author));
  if (mine) row.el.append(el('span', 'hush', {}, words.you + ': '));
  row.el.append(body);
  if (choices.length) row.el.append(row.choices = chips(choices));
  row.el.append(meta);
  rows.set(key, row);
  place(row);
  return row;
}

/** Answers to choose from; a click sends one as the visitor's own message. */
function chips(choices) {
  const list = el('div', 'chips', { role: 'group', 'aria-label': words.choices });
  for (const text of choices) {
    const button = el('button', 'chip', { type: 'button', dir: 'auto' }, text);
    button.onclick = () => { if (identity !== undefined) { say(text); input.focus(); } };
    list.append(button);
  }
  return list;
}

/** Recorded messages in the order of their ids, the others after them. */
function place(row) {
  const rank = (one) => [one.order < 0 ? -1 : one.id || Infinity, one.order];
  const after = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
  const next = [...rows.values()].filter((one) => one !== row && after(rank(one), rank(row)) && one.el.isConnected)
    .sort((a, b) => (after(rank(a), rank(b)) ? 1 : -1))[0];
  const before = next ? next.el : tail;
  if (row.el.nextSibling !== before) log.insertBefore(row.el, before);
  group();
}

/** Rows of one side stand together; the last of them says when. */
function group() {
  const list = [...rows.values()].sort((a, b) => (a.el.compareDocumentPosition(b.el) & 4 ? -1 : 1));
  const newest = list.filter((row) => row.mine).pop();
  list.forEach((row, index) => {
    const next = list[index + 1];
    row.el.classList.toggle('again', index > 0 && list[index - 1].mine === row.mine);
    if (row.choices) for (const button of row.choices.children) button.disabled = Boolean(next); // they were for the last message
    showMeta(row, !next || next.mine !== row.mine, row === newest);
  });
}

function showMeta(row, isLast, isNewest) {
  const special = row.state && row.state !== 'sent';
  row.el.classList.toggle('waiting', ['waiting', 'slow', 'held'].includes(row.state));
  row.el.classList.toggle('failed', row.state === 'failed');
  const time = row.at ? new Date(row.at).toLocaleTimeString([], { timeStyle: 'short' }) : '';
  const said = special ? words[row.state] : isNewest ? `${words.sent} · ${time}` : isLast ? time : '';
  const label = row.state === 'failed' && row.reason ? `${said} ${row.reason}` : said;
  if (row.said === label) return;
  row.said = label;
  row.meta.replaceChildren(label);
  row.meta.hidden = !label;
  if (row.state !== 'failed') return;
  for (const [word, act] of [[words.retry, retry], [words.discard, discard]]) {
    const button = el('button', 'again-button', { type: 'button' }, word);
    button.onclick = () => { act(row.key.slice(1)); input.focus(); };
    row.meta.append(button);
  }
}

function greet() {
  const text = (look.line && look.line.greeting) || words.hello;
  const old = rows.get('greeting');
  if (old && old.text === text) return;
  if (old) old.el.remove();
  rows.delete('greeting');
  makeRow('greeting', { text, mine: false, still: true, greeting: true }).text = text;
}

function showQueued(item, kind) {
  if (!rows.has('c' + item.id)) makeRow('c' + item.id, { text: item.text, mine: true, at: item.at });
  markRow(item.id, item.failed ? 'failed' : kind, item.failed);
}

function markRow(id, kind, reason = '') {
  const row = rows.get('c' + id);
  if (!row || row.id) return;
  const stick = atBottom();
  Object.assign(row, { state: kind, reason });
  group();
  if (stick) scrollDown(true);
}

function removeRow(id) {
  const row = rows.get('c' + id);
  if (!row || row.id) return;
  row.el.remove();
  rows.delete('c' + id);
  group();
}

function showRecorded(message) {
  const mine = message.direction === 'in';
  const key = message.client_id ? 'c' + message.client_id : 'm' + message.id;
  const stick = atBottom();
  cursor = Math.max(cursor, message.id);
  if (message.client_id) for (const item of queued()) if (item.id === message.client_id) store.remove(item.key);
  let row = rows.get(key);
  if (row && row.id) return;
  const finished = !mine && partialReply && partialReply.turn === message.turn;
  if (!mine) {
    if (message.turn !== null) doneTurns.add(message.turn);
    if (finished) setPartial(null);
    setTyping(false);
  }
  if (row) {
    Object.assign(row, { id: message.id, state: 'sent', reason: '' });
    place(row);
  } else {
    const at = Date.parse(message.at);
    const still = finished || Date.now() - at > 30 * SECOND;
    makeRow(key, { text: message.text, mine, at, author: nameOf(message.author), id: message.id, still, choices: message.choices || [] })
      .person = message.author === 'person';
    showReach();
  }
  if (!state.wrote) save({ wrote: Date.now() });
  if (stick) scrollDown(true);
  seen();
}

const atBottom = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
function scrollDown(now) {
  if (now) log.scrollTop = log.scrollHeight;
}

function seen() {
  if (isOpen && !document.hidden && cursor > (state.seen || 0)) save({ seen: cursor });
  showUnread();
}

function showUnread() {
  const count = isOpen ? 0 : [...rows.values()].filter((row) => !row.mine && row.id > (state.seen || 0)).length;
  badge.hidden = !count;
  badge.textContent = count > 9 ? '9+' : String(count);
  const news = count === 1 ? words.oneUnread : words.unread.replace('{n}', count);
  bubble.setAttribute('aria-label', isOpen ? words.close : count ? `${words.open}, ${news}` : words.open);
}

// --- opening, closing, writing ---------------------------------------------------------------------------------------------

/** Where the panel fills the screen; the style has the same condition. */
const narrow = matchMedia('(max-width:480px),(max-height:480px)');

function open(focus = true) {
  if (isOpen || gone) return;
  isOpen = true;
  panel.hidden = false;
  root.classList.add('open');
  bubble.setAttribute('aria-expanded', 'true');
  remember(true);
  fit();
  grow();
  showModal();
  scrollDown(true);
  if (focus) input.focus();
  seen();
  wake();
}

function close() {
  if (!isOpen) return;
  isOpen = false;
  panel.hidden = true;
  root.classList.remove('open');
  bubble.setAttribute('aria-expanded', 'false');
  remember(false);
  bubble.focus();
  showUnread();
  wake();
}

/** An open chat stays open from page to page, where it does not cover the page. */
function remember(value) {
  try { sessionStorage.setItem(ROOT_KEY + 'open', value ? '1' : ''); } catch { /* then it does not */ }
}
function wasOpen() {
  try { return sessionStorage.getItem(ROOT_KEY + 'open') === '1' && !narrow.matches; } catch { return false; }
}

/** Whatever covers the page keeps the keyboard, too. */
function showModal() {
  if (narrow.matches) panel.setAttribute('aria-modal', 'true');
  else panel.removeAttribute('aria-modal');
}

/** Tab goes round inside the panel while it fills the screen; `inside` is the element that has the focus there. */
function roundabout(event, inside) {
  if (event.key !== 'Tab' || !isOpen || !narrow.matches) return;
  event.preventDefault();
  const stops = [...panel.querySelectorAll('button:enabled,a,textarea,[tabindex="0"]')].filter((stop) => stop.getClientRects().length);
  const at = stops.indexOf(inside);
  const next = event.shiftKey ? (at < 0 ? stops.length : at) - 1 : at + 1;
  stops[(next + stops.length) % stops.length].focus();
}

function onKey(event) {
  if (event.key === 'Escape' && !event.isComposing) close();
  else roundabout(event, root.getRootNode().activeElement);
}

/** The focus may still be in the page when a window is made small, or come back to it from the browser's own bars. */
function onKeyOutside(event) {
  if (!isOpen || !narrow.matches || event.target === root.getRootNode().host) return;
  if (event.key === 'Escape') close();
  else roundabout(event, null);
}

// --- the draft: what is not sent yet survives a reload, for the same person -------------------------------------------------

function keepDraft() {
  const draft = JSON.stringify({ prefix, text: input.value });
  try { if (input.value) sessionStorage.setItem(DRAFT_KEY, draft); else sessionStorage.removeItem(DRAFT_KEY); } catch { /* then it does not */ }
}

/** Show this person's draft, and drop anybody else's; what is written before the site says who it is goes along. */
function takeDraft(before) {
  const unknown = `${ROOT_KEY}${personOf(undefined)}:`;
  const same = before === prefix || before === unknown;
  let draft = null;
  try { draft = JSON.parse(sessionStorage.getItem(DRAFT_KEY)); } catch { /* none then */ }
  const mine = draft && (draft.prefix === prefix || draft.prefix === unknown);
  input.value = (same && input.value) || (mine ? draft.text : '');
  if (input.value || identity !== undefined) keepDraft();
  grow();
}

function grow() {
  input.style.height = 'auto';
  input.style.height = `${Math.min(128, Math.max(38, input.scrollHeight))}px`;
  const text = input.value.trim();
  const over = tooLong(text);
  excess.textContent = over ? words.long.replace('{n}', over).replace('{most}', mostText()) : '';
  sendButton.setAttribute('aria-disabled', String(!text || over > 0));
}

const mostText = () => (look.limits && look.limits.text) || 4000;

/** How many characters the text has, as the server counts, if that is too many; else 0. Nothing pasted is cut off unasked. */
function tooLong(text) {
  const count = text.length > mostText() ? [...text].length : 0;
  return count > mostText() ? count : 0;
}

function submit() {
  const text = input.value.trim();
  if (!text || tooLong(text) || identity === undefined) return;
  input.value = '';
  keepDraft();
  grow();
  say(text);
}

/** Keep the writing line above a phone's keyboard, which covers the page instead of shrinking it. */
function fit() {
  const view = window.visualViewport;
  const covered = view && isOpen && innerHeight - view.height > 80 && view.scale === 1 && matchMedia('(max-width:480px)').matches;
  panel.style.height = covered ? `${view.height}px` : '';
  panel.style.top = covered ? `${view.offsetTop}px` : '';
  panel.style.bottom = covered ? 'auto' : '';
}

function listen() {
  bubble.onclick = () => (isOpen ? close() : open());
  closeButton.onclick = close;
  form.onsubmit = (event) => { event.preventDefault(); submit(); input.focus(); };
  input.oninput = () => { keepDraft(); grow(); };
  input.onkeydown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  };
  root.addEventListener('keydown', onKey);
  document.addEventListener('keydown', onKeyOutside, true);
  narrow.addEventListener('change', showModal);
  log.onscroll = () => { atEnd = atBottom(); };
  new ResizeObserver(() => { if (atEnd) scrollDown(true); }).observe(log);
  for (const kind of ['keydown', 'keyup', 'keypress']) root.addEventListener(kind, (event) => event.stopPropagation()); // the page's shortcuts are not meant
  addEventListener('online', () => { attempts = sendAttempts = pollAttempts = 0; socketAgainAt = 0; drop(); showReach(); wake(); drain(); if (state.wrote) schedulePoll(0); });
  addEventListener('offline', () => { drop(); showReach(); markWaiting('waiting'); wake(); });
  addEventListener('pageshow', (event) => { if (event.persisted) { drop(); wake(); drain(); } });
  document.addEventListener('visibilitychange', () => {
    hiddenSince = document.hidden ? Date.now() : 0;
    if (document.hidden) return;
    seen();
    wake();
    drain();
    if (!ready && state.wrote) schedulePoll(0);
  });
  addEventListener('storage', otherTab);
  if (window.visualViewport) for (const kind of ['resize', 'scroll']) visualViewport.addEventListener(kind, fit);
  setInterval(tick, 3 * SECOND);
}

/** Another tab of the site wrote, sent, or signed out. */
function otherTab({ key, newValue }) {
  if (!key || !key.startsWith(prefix)) return;
  if (key === prefix + 'state') {
    const stored = store.read(key);
    if (stored) {
      if (stored.visitor && stored.visitor !== state.visitor) { adopt(stored); drop(); wake(); }
      state = { ...state, ...stored };
    } else { era += 1; state = {}; input.value = ''; keepDraft(); grow(); close(); clearTalk(); }
    return showUnread();
  }
  const id = key.slice(-36);
  if (!newValue) return (rows.get('c' + id) || {}).state === 'failed' ? removeRow(id) : markRow(id, 'sent');
  const item = store.read(key);
  if (item) showQueued(item, 'sending'); // else it is sent by now
  activeUntil = Date.now() + 120 * SECOND;
  wake();
}

// --- start -------------------------------------------------------------------------------------------------------------

function begin() {
  dress();
  for (const item of queued()) showQueued(item, 'sending');
  const first = identity === undefined ? inspect : () => session(true).catch(() => undefined);
  const quiet = window.requestIdleCallback || ((call) => setTimeout(call, 200));
  if (!look.line || Date.now() - look.at > HOUR || (identity && !state.token)) quiet(first, { timeout: 2 * SECOND });
  if (identity === undefined) return;
  drain();
  if (state.wrote) schedulePoll(0);
  wake();
}

function start() {
  build();
  become();
  listen();
  begin();
  if (wasOpen()) open(false);
}

window.receptionist = Object.freeze({
  open: () => open(),
  close: () => close(),
  /** Say who is signed in (a JWT of the site), or with null that nobody is. */
  identify(jwt) {
    if (gone) return undefined;
    const next = typeof jwt === 'string' && jwt ? jwt : null;
    const same = identity !== undefined && personOf(identity) === personOf(next);
    identity = next;
    if (same) { setTrouble(''); if (next) save({ expires: 0 }); drain(); return wake(); }
    become();
    begin();
  },
});
if (document.body) start();
else document.addEventListener('DOMContentLoaded', start);
