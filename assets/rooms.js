// Rooms: a presenter's browser tells its page state, followers' browsers take it over.
// While the address names a room the page follows it; what a reader changes by hand takes the room out of the address.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const byId = (id) => document.getElementById(id);
  const OWN = ["room", "theme", "hide"]; // each browser's own, as lossatlas.app.routes.rooms.OWN

  // ---------------------------------------------------------------- states as texts

  const parts = (search) => search.replace(/^\?/, "").split("&").filter(Boolean);
  const nameOf = (part) => part.split("=", 1)[0];
  const without = (search, names) => parts(search).filter((part) => !names.includes(nameOf(part)));
  const shared = (search) => without(search, OWN).join("&");
  const searchOf = (list) => (list.length ? `?${list.join("&")}` : "");
  const codeIn = (search) => (new URLSearchParams(search).get("room") || "").replace(/[\s-]/g, "").toUpperCase();
  const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

  // Equal for states that differ only in the order of their options or in how signs are encoded.
  function meaning(search) {
    return JSON.stringify([...new URLSearchParams(shared(search))].map((pair) => pair.join("=")).sort());
  }

  let current = window.location.search; // the page's state, as told last
  let ready = false; // whether the page's elements are there

  // Another state in place of this one, without a step for the Back button.
  function replaceWith(search) {
    window.history.replaceState(window.history.state, "", window.location.pathname + search);
    atlas.visit(search);
  }

  // ---------------------------------------------------------------- kept in this tab alone

  const PRESENTED = "lossatlas-room"; // {code, secret}
  const EXPLORED = "lossatlas-room-left"; // {code} of the room that this reader looks away from

  function remembered(at) {
    try {
      return JSON.parse(window.sessionStorage.getItem(at));
    } catch {
      return null; // storage may be forbidden; a room is then lost with the page
    }
  }

  function remember(at, value) {
    try {
      if (value) window.sessionStorage.setItem(at, JSON.stringify(value));
      else window.sessionStorage.removeItem(at);
    } catch {
      // as above
    }
  }

  // ---------------------------------------------------------------- a stream that comes back by itself

  const AGAIN = 500; // ms before the first new attempt, doubled up to the longest
  const LONGEST = 10000;
  const BUSY = 3000; // ms until a full server is asked again
  const SILENCE = 700; // ms before a broken connection is mentioned

  // `takes`: what to do with `state`, `followers`, `closed`, and with `lost`, a sentence or none.
  function listen(address, takes) {
    let source = null;
    let timer = 0;
    let silence = 0;
    let tries = 0;

    function heard() {
      tries = 0;
      window.clearTimeout(silence);
      silence = 0;
      takes.lost("");
    }

    function connect() {
      close();
      source = new EventSource(address);
      source.onopen = heard;
      source.onerror = () => {
        silence = silence || window.setTimeout(takes.lost, SILENCE, "The connection is lost; trying again.");
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
      window.clearTimeout(timer);
      timer = window.setTimeout(connect, wait * (0.75 + 0.5 * Math.random())); // not all followers at once
    }

    function close() {
      window.clearTimeout(timer);
      window.clearTimeout(silence);
      silence = 0;
      source?.close();
    }

    connect();
    return { close, connect };
  }

  // ---------------------------------------------------------------- the presenter

  const PACE = 100; // ms between two messages; the newest state alone is sent
  const RETRY = 1000; // ms until a server that did not answer is told again
  const SURE = 4000; // ms in which a second click closes the room

  let own = null; // {code, secret} of the room that this page presents
  let opening = false;
  let count = null; // streams of followers; null: not known
  let watched = null; // the stream that tells it
  let told = ""; // the message that was sent last
  let sent = -Infinity; // when
  let due = 0; // the timer of the next one
  let sending = false;
  let camera = []; // of the linked surfaces, once somebody has turned them

  async function ask(path, data) {
    try {
      const answer = await fetch(path, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data),
      });
      return { status: answer.status, ...(await answer.json()) };
    } catch {
      return { status: 0 };
    }
  }

  async function followMe() {
    if (opening) return;
    if (!own) {
      opening = true;
      const made = await ask("/rooms", { state: shared(current), camera });
      opening = false;
      if (made.status !== 200) {
        return atlas.say(`No room was opened. ${made.sentence || "The server does not answer; try again."}`, "note");
      }
      if (joined) leave(); // who presents follows nobody
      present({ code: made.code, secret: made.secret });
    }
    if (!byId("room-dialog").open) byId("room-dialog").showModal();
  }

  function present(room) {
    own = room;
    remember(PRESENTED, own);
    const counted = (number) => {
      count = number;
      showRoom();
    };
    watched = listen(`/rooms/${own.code}/events?as=presenter`, {
      followers: (event) => counted(event.count), lost: (sentence) => sentence && counted(null),
      closed: (event) => ended(event.sentence),
    });
    showRoom();
    publish();
  }

  // A follower's page never says anything.
  const presents = () => own && joined?.mode !== "following";

  function publish() {
    if (presents() && !due && !sending) due = window.setTimeout(send, Math.max(0, sent + PACE - performance.now()));
  }

  async function send() {
    due = 0;
    const room = own;
    const message = { state: shared(current), camera };
    if (!presents() || JSON.stringify(message) === told) return;
    sending = true;
    sent = performance.now();
    const answer = await ask(`/rooms/${room.code}`, { secret: room.secret, ...message });
    sending = false;
    if (room !== own) return;
    if (answer.status === 403 || answer.status === 404) return ended(answer.sentence);
    if (answer.status === 0 || answer.status >= 500) due = window.setTimeout(send, RETRY);
    else told = JSON.stringify(message); // what it refuses, this page's own stream has refused with a sentence
    publish();
  }

  let sure = 0; // the timer of a first click on Close room

  async function closeRoom(button) {
    if (!own) return;
    if (!sure) {
      button.textContent = "Close it for everybody?";
      sure = window.setTimeout(calm, SURE, button);
      return;
    }
    calm(button);
    const room = own;
    const answer = await ask(`/rooms/${room.code}/close`, { secret: room.secret });
    if (answer.status === 0 || answer.status >= 500) {
      return atlas.say("The server does not answer; the room is still open.", "note");
    }
    if (room === own) ended("The room is closed.");
  }

  function calm(button) {
    window.clearTimeout(sure);
    sure = 0;
    button.textContent = "Close room";
  }

  function ended(sentence) {
    watched?.close();
    window.clearTimeout(due);
    own = watched = count = null;
    due = 0;
    told = "";
    remember(PRESENTED, null);
    if (!ready) return;
    byId("room-dialog").close();
    showRoom();
    atlas.say(sentence, "note");
  }

  const counted = () => (count === null ? "" : count === 1 ? "1 follows" : `${count} follow`);

  function showRoom() {
    if (!ready) return;
    const button = byId("follow-me");
    button.toggleAttribute("data-open", Boolean(own));
    button.textContent = own ? `Room ${spaced(own.code)}${count === null ? "" : ` · ${count}`}` : "Follow me";
    if (!own) return;
    const address = `${window.location.origin}/?room=${own.code}`;
    const picture = byId("room-qr");
    if (picture.alt !== `QR code of ${address}`) {
      picture.src = `/rooms/${own.code}/qr.svg`;
      picture.alt = `QR code of ${address}`;
    }
    byId("room-address").href = "/room";
    byId("room-address").textContent = `${window.location.host}/room`;
    byId("room-code").textContent = spaced(own.code);
    byId("room-count").textContent = counted();
    const alone = ["localhost", "127.0.0.1", "[::1]"].includes(window.location.hostname);
    byId("room-note").hidden = !alone;
    byId("room-note").textContent = alone ? "This address leads to this machine alone. So that others can follow, start "
      + "the atlas with --host 0.0.0.0 and open it here by this machine's name or number in the network." : "";
  }

  // ---------------------------------------------------------------- the follower

  let joined = null; // {code, mode: following or exploring, stream, revision, camera, lost}
  let expected = []; // meanings of the states that the presenter brought: the page's own is the first
  let waiting = null; // a state that came before the page's elements
  let dropping = 0; // the timer of taking the room out of the address
  let closing = null; // the address at which a closed room was mentioned

  // `back`: the reader comes back from exploring, to which the Back button shall lead.
  function join(code, back = false) {
    joined?.stream?.close();
    joined = { code, mode: "following", stream: null, revision: 0, camera: "[]", lost: "" };
    expected = back ? [] : [meaning(current)];
    remember(EXPLORED, null);
    const mine = joined;
    const live = (take) => (event) => mine === joined && joined.mode === "following" && take(event);
    const asked = /^[A-Z0-9]{1,20}$/.test(code) ? code : "nonsense"; // what is no code has no address of its own
    joined.stream = listen(`/rooms/${asked}/events`, {
      state: live((event) => {
        take(event, back);
        back = false;
      }),
      closed: live((event) => closed(event.sentence)),
      lost: live((sentence) => {
        joined.lost = sentence;
        showBar();
      }),
    });
    showBar();
  }

  function take(event, back) {
    if (event.revision <= joined.revision) return; // the same again, after a break
    const there = meaning(event.state);
    if (!ready) { // the page will begin with this state
      waiting = event;
      current = followed(event.state);
      expected.push(there);
      window.history.replaceState(window.history.state, "", window.location.pathname + current);
      atlas.open?.(atlas.question(current));
      return;
    }
    joined.revision = event.revision;
    if (back || expected.at(-1) !== there || meaning(current) !== there) goTo(event.state, back);
    const seen = JSON.stringify(event.camera);
    if (event.camera.length && seen !== joined.camera) atlas.look?.(event.camera);
    joined.camera = seen;
  }

  // The address of the presenter's state on this page.
  function followed(state) {
    const kept = parts(current).filter((part) => ["theme", "hide"].includes(nameOf(part)));
    return searchOf([...parts(state), `room=${joined.code}`, ...kept]);
  }

  function goTo(state, back) {
    const search = followed(state);
    expected = [...expected, meaning(state)].slice(-20);
    if (back) atlas.visit(search);
    else replaceWith(search);
    window.clearTimeout(arriving);
    arriving = window.setTimeout(arrive, ARRIVAL, joined, state);
  }

  const ARRIVAL = 500; // ms; dash may put an older address back while it starts
  let arriving = 0;

  function arrive(mine, state) {
    if (mine === joined && joined.mode === "following" && meaning(current) !== meaning(state)) goTo(state, false);
  }

  function explore() {
    joined.stream?.close();
    joined = { code: joined.code, mode: "exploring" };
    remember(EXPLORED, { code: joined.code });
    showBar();
    dropRoom();
  }

  // Once the browser's address has caught up with the page.
  function dropRoom(tries = 20) {
    window.clearTimeout(dropping);
    dropping = window.setTimeout(() => {
      dropping = 0;
      if (window.location.search !== current && tries > 0) dropRoom(tries - 1);
      else if (codeIn(current)) replaceWith(searchOf(without(current, ["room"])));
    }, 30);
  }

  function leave() {
    joined?.stream?.close();
    joined = null;
    remember(EXPLORED, null);
    showBar();
    dropRoom();
  }

  function closed(sentence) {
    const hadBegun = joined.revision > 0;
    const code = joined.code;
    leave();
    unsaid = hadBegun ? `Room ${spaced(code)} has ended. The page stays as it is, and is yours.` : sentence;
    tell();
  }

  let unsaid = ""; // why the room is closed, until it can be shown

  function tell() {
    if (!ready || !unsaid) return;
    atlas.say(unsaid, "room");
    unsaid = "";
    closing = meaning(current);
  }

  function showBar() {
    if (!ready) return;
    const bar = byId("room-bar");
    bar.hidden = !joined;
    document.documentElement.toggleAttribute("data-room", Boolean(joined));
    if (!joined) return;
    bar.dataset.mode = joined.mode;
    const follows = joined.mode === "following";
    byId("room-says").textContent = follows
      ? `You follow the presenter of room ${spaced(joined.code)}. ${joined.lost}`
      : `You explore on your own. The presenter is in room ${spaced(joined.code)}.`;
    byId("room-explore").hidden = !follows;
    byId("room-return").hidden = follows;
  }

  // ---------------------------------------------------------------- the page changed

  atlas.onState((search) => {
    current = search;
    if (!ready) {
      ready = true;
      showRoom();
      showBar();
      window.setTimeout(tell);
      if (waiting) window.setTimeout(() => joined && take(waiting, false)); // the page is still in the middle of it
    }
    if (closing !== null && closing !== meaning(search)) {
      closing = null;
      if (byId("message").dataset.kind === "room") atlas.say("", "");
    }
    reconsider(search);
    publish();
  });

  function reconsider(search) {
    const room = codeIn(search);
    if (dropping) return;
    if (room && room === own?.code) return dropRoom(); // the presenter's own link
    if (joined?.mode !== "following") {
      if (room) join(room); // a link, or back to where the page followed
      return;
    }
    const at = expected.lastIndexOf(meaning(search));
    if (room === joined.code && at >= 0) expected.splice(0, at);
    else if (room && room !== joined.code) join(room);
    else if (expected.length) explore();
  }

  function begin() {
    const room = codeIn(current);
    const mine = remembered(PRESENTED);
    const left = remembered(EXPLORED);
    if (room && room !== mine?.code) join(room);
    else if (left?.code) joined = { code: left.code, mode: "exploring" };
    if (mine?.code && mine.secret) present(mine);
  }

  atlas.act("followMe", followMe);
  atlas.act("closeRoom", closeRoom);
  atlas.act("exploreAlone", explore);
  atlas.act("returnToRoom", () => join(joined.code, true));
  atlas.act("leaveRoom", leave);
  atlas.onTurn = (turned) => {
    camera = turned;
    publish();
  };
  window.addEventListener("pagehide", () => {
    joined?.stream?.close();
    watched?.close();
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // back from the browser's own cache
    joined?.stream?.connect();
    watched?.connect();
  });
  atlas.room = () => ({ own: own?.code ?? null, count, joined: joined?.code ?? null, mode: joined?.mode ?? null });
  begin();
})();
