// @ts-check
// Plotly: what the page asks of it, and all that it keeps to itself and the page has to look at. A new version of plotly is
// tried against this file.

/** @type {any} */
const here = window;

/** @typedef {HTMLElement & Record<string, any>} Plot an element that plotly draws into */

/** Plotly itself; undefined until its script has run. */
export const plotly = () => here.Plotly;

/** @param {Plot} plot */
export const isDrawn = (plot) => Boolean(plot._fullLayout);

/** Whether a picture with plane axes stands there. */
export const hasAxes = (plot) => Boolean(plot._fullLayout?.xaxis);

/** Traces as they are drawn, with all that was left to plotly. */
export const tracesOf = (plot) => plot._fullData;

/** Where the plane axes end, as they are drawn. */
export function rangesOf(plot) {
  const { xaxis, yaxis } = plot._fullLayout;
  return [...xaxis.range, ...yaxis.range];
}

/** The lower end of the part of the height that a scene takes. */
export const sceneBottom = (plot) => plot._fullLayout?.scene?.domain.y[0];

/** The camera as a reader has turned it, of a scene that is drawn. */
export const cameraNow = (plot) => plot._fullLayout?.scene?._scene?.getCamera?.();

/** Where on plane axes a mouse event happened. */
export function pointUnder(plot, { clientX, clientY }) {
  const { xaxis, yaxis } = plot._fullLayout;
  const { left, top } = plot.getBoundingClientRect();
  return [xaxis.p2d(clientX - left - xaxis._offset), yaxis.p2d(clientY - top - yaxis._offset)];
}

/** Shows plotly's label of a point. */
export const pointTo = (plot, point) => plotly().Fx.hover(plot, [point], undefined, true);

export const pointAway = (plot) => plotly().Fx.unhover(plot);

const times = (matrix, vector) =>
  [0, 1, 2, 3].map((row) => vector.reduce((sum, value, column) => sum + matrix[4 * column + row] * value, 0));

/**
 * Where on the picture a place of the scene is seen, as shares of width and height.
 * @returns {[number, number]}
 */
export function projected(plot, place) {
  const scene = plot._fullLayout.scene._scene;
  const { model, view, projection } = scene.glplot.cameraParams;
  const scaled = ["xaxis", "yaxis", "zaxis"].map(
    (axis, i) => scene.fullSceneLayout[axis].d2l(place[i]) * scene.dataScale[i]);
  const [x, y, , w] = times(projection, times(view, times(model, [...scaled, 1])));
  const [low, high] = plot._fullLayout.scene.domain.y;
  return [(1 + x / w) / 2, 1 - low - ((high - low) * (1 + y / w)) / 2];
}
