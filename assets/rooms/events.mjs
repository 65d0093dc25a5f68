// @ts-check
// A stream of a room's events that comes back by itself.

const AGAIN = 500; // ms before the first new attempt, doubled up to the longest
const LONGEST = 10000;
const BUSY = 3000; // ms until a full server is asked again
const SILENCE = 700; // ms before a broken connection is mentioned

/**
 * `takes`: what to do with `state`, `followers`, `closed`, and with `lost`, a sentence or none.
 * @param {string} address
 * @param {Record<string, (data: any) => unknown>} takes
 */
export function follow(address, takes) {
  let source = null;
  let timer = 0;
  let silence = 0;
  let tries = 0;

  function heard() {
    tries = 0;
    clearTimeout(silence);
    silence = 0;
    takes.lost("");
  }

  function connect() {
    close();
    source = new EventSource(address);
    source.onopen = heard;
    source.onerror = () => {
      silence = silence || setTimeout(takes.lost, SILENCE, "The connection is lost; trying again.");
      // After an HTTP error EventSource gives up for good; after anything else it asks again by itself.
      if (source.readyState === EventSource.CLOSED) again(Math.min(LONGEST, AGAIN * 2 ** tries));
      tries += 1;
    };
    for (const name of ["state", "followers", "closed", "busy"]) {
      source.addEventListener(name, (event) => {
        const data = JSON.parse(event.data);
        if (name === "closed" || name === "busy") close();
        if (name !== "busy") return takes[name]?.(data);
        takes.lost(data.sentence);
        again(BUSY);
      });
    }
  }

  function again(wait) {
    clearTimeout(timer);
    timer = setTimeout(connect, wait * (0.75 + 0.5 * Math.random())); // not all followers at once
  }

  function close() {
    clearTimeout(timer);
    clearTimeout(silence);
    silence = 0;
    source?.close();
  }

  connect();
  return { close, connect };
}

/**
 * @param {string} path
 * @param {object} data
 * @returns {Promise<Record<string, any>>}
 */
export async function post(path, data) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data),
    });
    return { status: answer.status, ...(await answer.json()) };
  } catch {
    return { status: 0 };
  }
}
