// What one picture shows under the pointer, the others of its row show too; and a zoom of one curve is that of its row.
(function () {
  "use strict";

  const atlas = (window.lossatlas = window.lossatlas || {});
  const SWITCHES = { hover: "link-hover", zoom: "link-zoom" };
  const linked = (what) => document.getElementById(SWITCHES[what])?.querySelector("input")?.checked
    ?? document.getElementById(SWITCHES[what])?.checked ?? true;

  // ---------------------------------------------------------------- the same point

  let following = false; // one round of hovers in a frame
  let pointed = null; // the newest point, {plot, panel, x, y, surface}

  function hovered(slot, event) {
    const point = event.points?.[0];
    if (!point || slot.echo || !linked("hover")) return;
    pointed = { slot, x: point.x, y: point.y, name: point.data.name, surface: point.data.type === "surface" };
    if (!following) {
      following = true;
      window.requestAnimationFrame(() => {
        following = false;
        if (pointed) atlas.row(pointed.slot).forEach((other) => show(other, pointed));
      });
    }
  }

  function left(slot) {
    if (slot.echo) return;
    pointed = null;
    for (const other of atlas.row(slot)) hide(other);
  }

  // Curves and maps show plotly's own label; a surface, which has none for another's pointer, a dot on it and its height.
  function show(slot, { x, y, name, surface }) {
    if (slot.figure?.layout.scene) return surface ? mark(slot, x, y) : undefined;
    if (surface || !slot.plot._fullLayout?.xaxis) return;
    const traces = slot.plot._fullData;
    const alike = traces.findIndex((trace) => trace.name === name);
    const curveNumber = alike >= 0 ? alike : traces.findIndex(({ hoverinfo, visible }) => visible && hoverinfo !== "skip");
    const trace = traces[curveNumber];
    if (!trace?.x?.length) return;
    const across = near(trace.x, x);
    const pointNumber = trace.type === "contour" ? [near(trace.y, y), across] : across;
    slot.echo = true;
    window.Plotly.Fx.hover(slot.plot, [{ curveNumber, pointNumber }], undefined, true);
    slot.echo = false;
  }

  function hide(slot) {
    if (slot.figure?.layout.scene) return mark(slot, null);
    if (!slot.plot._fullLayout?.xaxis) return;
    slot.echo = true;
    window.Plotly.Fx.unhover(slot.plot);
    slot.echo = false;
  }

  const near = (axis, value) => {
    let best = 0;
    for (let i = 1; i < axis.length; i += 1) if (Math.abs(axis[i] - value) < Math.abs(axis[best] - value)) best = i;
    return best;
  };

  // A dot of the page's own over the surface: a mark in the scene would draw all of it again.
  function mark(slot, x, y) {
    const [words, dot] = [slot.place.querySelector(".echo"), slot.place.querySelector(".echo-dot")];
    const drawn = slot.plot._fullData?.find(({ type }) => type === "surface");
    const height = x === null || !drawn ? NaN : drawn.z[near(drawn.y, y)]?.[near(drawn.x, x)];
    dot.hidden = !Number.isFinite(height);
    words.textContent = dot.hidden ? "" : `here ${Number(height.toPrecision(3))}`;
    if (dot.hidden) return;
    const [across, down] = projected(slot.plot, [x, y, height]);
    dot.style.left = `${slot.plot.offsetLeft + across * slot.plot.clientWidth}px`;
    dot.style.top = `${slot.plot.offsetTop + down * slot.plot.clientHeight}px`;
  }

  const times = (matrix, vector) =>
    [0, 1, 2, 3].map((row) => vector.reduce((sum, value, column) => sum + matrix[4 * column + row] * value, 0));

  // Where on the picture a place of the scene is seen, as shares of width and height.
  function projected(plot, place) {
    const scene = plot._fullLayout.scene._scene;
    const { model, view, projection } = scene.glplot.cameraParams;
    const scaled = ["xaxis", "yaxis", "zaxis"].map(
      (axis, i) => scene.fullSceneLayout[axis].d2l(place[i]) * scene.dataScale[i]);
    const [x, y, , w] = times(projection, times(view, times(model, [...scaled, 1])));
    const [low, high] = plot._fullLayout.scene.domain.y;
    return [(1 + x / w) / 2, 1 - low - ((high - low) * (1 + y / w)) / 2];
  }

  // ---------------------------------------------------------------- the same part of the axis

  const ENDS = ["xaxis.range[0]", "xaxis.range[1]"];

  function zoomed(slot, event) {
    if (slot.echo || !linked("zoom")) return;
    const ends = ENDS.map((name) => event[name]);
    const back = event["xaxis.autorange"] || event["xaxis.range"];
    if (ends.some((end) => end === undefined) && !back) return;
    const range = back ? [...(slot.figure.layout.xaxis.range || [])] : ends;
    if (range.length !== 2) return;
    for (const other of atlas.row(slot)) {
      if (other.figure?.layout.scene || !other.plot._fullLayout?.xaxis) continue;
      other.echo = true;
      const free = () => (other.echo = false);
      window.Plotly.relayout(other.plot, { "xaxis.range": range }).then(free, free);
    }
  }

  // stream.js calls this once for each plot that plotly has drawn into.
  function link(slot, isMap) {
    slot.plot.on("plotly_hover", (event) => hovered(slot, event));
    slot.plot.on("plotly_unhover", () => left(slot));
    slot.plot.on("plotly_relayout", (event) => {
      if (!isMap() && !slot.figure?.layout.scene && !slot.figure?.layout.meta?.cloud) zoomed(slot, event);
    });
  }

  Object.assign(atlas, { link });
})();
