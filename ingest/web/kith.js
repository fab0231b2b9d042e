/* Kith's tracker: Segment's calls (track, page, identify, group, alias, reset), queued and sent in batches.
   <script src="https://HOST:7441/kith.js" data-write-key="KEY" defer></script>, or by Segment's snippet. */
(function (window, document, navigator) {
  "use strict";
  var snippet = window.analytics, script = document.currentScript;
  if (snippet && snippet.kith) return;
  var location = window.location, queue = [], timer, sending = 0, failures = 0;
  var source = script && script.src, key = script && script.getAttribute("data-write-key");
  var inPath = source && source.match(/\/analytics\.js\/v1\/([^/]+)\//);
  key = key || (inPath && decodeURIComponent(inPath[1])) || (snippet && snippet._writeKey);
  var host = source ? source.split("/").slice(0, 3).join("/") : location.origin;
  var agreed, granted = !script || script.getAttribute("data-consent") !== "required";
  /* A browser that sends Global Privacy Control is not tracked, unless the page says that it may be. */
  var optedOut = navigator.globalPrivacyControl && !(script && script.getAttribute("data-gpc") === "record");

  function id() {
    if (window.crypto && crypto.randomUUID) return crypto.randomUUID();
    return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, function () {
      return ((Math.random() * 16) | 0).toString(16);
    });
  }
  function stored(name, value) {
    try {
      if (value === undefined) return localStorage.getItem(name);
      if (value === null) localStorage.removeItem(name);
      else if (granted && !optedOut) localStorage.setItem(name, value);
    } catch (blocked) { /* no storage: the ids live as long as the page */ }
    return value;
  }
  var anonymousId, userId = stored("ajs_user_id");
  try { anonymousId = JSON.parse(stored("ajs_anonymous_id")); } catch (old) { anonymousId = stored("ajs_anonymous_id"); }
  try { userId = JSON.parse(userId); } catch (old) { /* as it is */ }
  /* Before consent the ids are in memory only. */
  function keep() {
    if (userId) stored("ajs_user_id", JSON.stringify(userId));
    if (anonymousId) stored("ajs_anonymous_id", JSON.stringify(anonymousId));
  }
  function reset() { userId = anonymousId = null; stored("ajs_user_id", null); stored("ajs_anonymous_id", null); }
  function anonymous() {
    if (!anonymousId) { anonymousId = id(); keep(); }
    return anonymousId;
  }

  function put(event) {
    if (optedOut) return;
    event.messageId = "ajs-kith-" + id();
    event.timestamp = new Date().toISOString();
    event.anonymousId = anonymous();
    if (userId) event.userId = userId;
    event.context = {
      library: { name: "kith.js", version: "1" }, locale: navigator.language, userAgent: navigator.userAgent,
      page: { path: location.pathname, referrer: document.referrer, search: location.search,
              title: document.title, url: location.href }
    };
    if (agreed) event.context.consent = { categoryPreferences: agreed };
    queue.push(event);
    later(50);
  }
  function later(ms) { if (granted && !timer) timer = setTimeout(flush, ms); }
  function flush(leaving) {
    clearTimeout(timer);
    timer = 0;
    if (!granted || !key || !queue.length || (sending && leaving !== true)) return;
    var batch = queue.splice(0, 20);
    var body = JSON.stringify({ batch: batch, sentAt: new Date().toISOString(), writeKey: key });
    if (leaving === true && navigator.sendBeacon && navigator.sendBeacon(host + "/v1/batch", body)) return flush(true);
    sending = 1;
    fetch(host + "/v1/batch", { method: "POST", body: body, keepalive: body.length < 6e4,
                                headers: { "Content-Type": "text/plain" } }).then(function (answer) {
      if (answer.status > 499 || answer.status === 429) throw answer;
      failures = 0;
    }).catch(function () {
      if (granted) queue = batch.concat(queue).slice(0, 1000);
      failures++;
    }).then(function () {
      sending = 0;
      if (queue.length) later(failures ? Math.min(3e4, 500 * Math.pow(2, failures)) * (0.5 + Math.random() / 2) : 0);
    });
  }

  var kith = {
    kith: 1,
    track: function (event, properties) { put({ type: "track", event: event, properties: properties || {} }); },
    page: function (category, name, properties) {
      if (typeof category === "object") { properties = category; category = name = undefined; }
      else if (typeof name === "object") { properties = name; name = category; category = undefined; }
      else if (name === undefined) { name = category; category = undefined; }
      var all = { path: location.pathname, referrer: document.referrer, search: location.search,
                  title: document.title, url: location.href };
      for (var each in properties) all[each] = properties[each];
      put({ type: "page", name: name, category: category, properties: all });
    },
    identify: function (user, traits) {
      if (typeof user === "object") { traits = user; user = undefined; }
      if (user) { userId = String(user); keep(); }
      put({ type: "identify", traits: traits || {} });
    },
    group: function (group, traits) { put({ type: "group", groupId: group, traits: traits || {} }); },
    alias: function (to, from) {
      put({ type: "alias", previousId: from || userId || anonymous() });
      if (to) queue.length && (queue[queue.length - 1].userId = String(to));
    },
    /* `purposes`: {name: true or false}, told with all that is said from now on */
    consent: function (given, purposes) {
      granted = !!given;
      agreed = purposes || agreed;
      if (granted) { keep(); later(0); } else { queue = []; reset(); }
    },
    reset: reset,
    ready: function (then) { then(); },
    load: function (writeKey) { key = writeKey; later(0); },
    flush: flush
  };
  window.kith = window.analytics = kith;
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") flush(true);
  });
  window.addEventListener("pagehide", function () { flush(true); });
  /* Calls that the snippet kept: [["track", "Name", {…}], …] */
  if (snippet) for (var i = 0; i < snippet.length; i++) {
    var call = snippet[i];
    if (kith[call[0]]) kith[call[0]].apply(kith, [].slice.call(call, 1));
  }
  if (script && script.hasAttribute("data-auto-page")) kith.page();
})(window, document, navigator);
