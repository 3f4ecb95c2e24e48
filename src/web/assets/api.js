// The JSON API.

/** An answer that is not what was asked for; `problem` is as the desk worded it. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || 'The desk did not answer.');
    this.status = status;
    this.problem = problem;
  }
}

/** Sends a file as it is. */
export const upload = (path, file) => call('POST', path, file);

/** `patience`: ms until nobody waits any longer. */
export async function call(method, path, body, patience = 20_000) {
  const request = { method, headers: { accept: 'application/json' }, credentials: 'same-origin' };
  if (body instanceof Blob) request.body = body;
  else if (body !== undefined) {
    request.headers['content-type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), body instanceof Blob ? 120_000 : patience);
  request.signal = limit.signal;
  try {
    let response;
    try {
      response = await fetch(`/api/v1${path}`, request);
    } catch {
      throw new ApiError(0, { detail: 'The desk cannot be reached. Check the network; nothing was lost.' });
    }
    if (response.status === 401) {
      location.assign('/sign-in');
      throw new ApiError(401, { detail: 'You are signed out.' });
    }
    if (response.status === 204) return null;
    let answer;
    try {
      if (response.headers.get('content-type')?.startsWith('text/plain')) return await response.text();
      answer = await response.json();
    } catch {
      throw new ApiError(response.ok ? 0 : response.status, {});
    }
    if (!response.ok) throw new ApiError(response.status, answer);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Every item of a list, page by page; at most `most`. */
export async function all(path, most = 20_000) {
  const items = [];
  let cursor = null;
  do {
    const glue = path.includes('?') ? '&' : '?';
    const page = await call('GET', cursor ? `${path}${glue}cursor=${encodeURIComponent(cursor)}` : path);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

export const get = (path) => call('GET', path);
export const post = (path, body = {}) => call('POST', path, body);
export const put = (path, body) => call('PUT', path, body);

/** A key for a message: the same one is sent again when it is not known whether it arrived. */
export function newKey() {
  // crypto.randomUUID wants HTTPS, and a desk in a back room may not have it.
  const octets = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(octets, (o) => o.toString(16).padStart(2, '0')).join('');
}
