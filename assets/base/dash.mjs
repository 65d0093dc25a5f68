// @ts-check
// What is said to Dash, which holds the controls, and to its table.

/** @type {any} */
const here = window;

/**
 * @param {string} id
 * @param {object} props
 */
export const setProps = (id, props) => here.dash_clientside.set_props(id, props);

/**
 * Answers dash itself from now on, and at once. A promise, as the first answer is (boot.js), would leave a moment in which
 * an older answer is thrown away or comes after a newer one.
 * @param {(...given: any[]) => any[]} sync
 */
export function answerDash(sync) {
  here.dash_clientside.lossatlas = { sync };
}

/** What a callback gives for an output that stays as it is. */
export const noUpdate = () => here.dash_clientside.no_update;

/**
 * The handle of a table of dash-ag-grid, whose script has run.
 * @param {string} id
 */
export const gridOf = (id) => here.dash_ag_grid.getApi(id);
