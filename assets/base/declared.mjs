// @ts-check
// What the server declares in the document, so that no name stands on both sides.

/**
 * @typedef {object} Names as lossatlas.app.layout.controls.declared_names
 * @property {string[]} themes
 * @property {string[]} extras names of the URL that no control holds
 * @property {string[]} own each browser's own: no part of what a room shows
 * @property {string[]} beside of an address, no part of the question or of its look
 * @property {string[]} onPlane options that are coordinates on the plane
 * @property {string[]} onCloud options that are regions of a cloud
 * @property {string} by what is compared unless the reader says otherwise
 * @property {number} deepest windows of a trail
 * @property {string} none how an empty value is written
 *
 * @typedef {object} Control as lossatlas.app.layout.controls.declared
 * @property {string} name
 * @property {string} kind
 * @property {string} prop by which Dash holds it
 * @property {string} default
 * @property {string[]} choices
 * @property {number} most
 * @property {Record<string, string[]>} when
 * @property {Record<string, string[]>} either
 * @property {boolean} followed
 * @property {string | null} offered
 * @property {boolean} leaves
 * @property {boolean} leavesCloud
 * @property {Record<string, string>} keys of the keyboard, with the choice that each takes
 *
 * @typedef {object} PanelFacts as lossatlas.app.layout.controls.declared_panels
 * @property {string} title
 * @property {string} analysis
 * @property {string} place where it stands; others may borrow it
 * @property {boolean} surface
 * @property {boolean} plane
 * @property {boolean} aims
 * @property {boolean} brushes
 * @property {boolean} picks
 * @property {boolean} marks
 *
 * @typedef {{scale: [number, string][], gradient: string, tints: string[]}} Palette
 *
 * @typedef {{name: string, label: string, within: string, selectors: string[], keys: string[]}} Hideable
 *
 * @typedef {object} More as lossatlas.app.layout.page
 * @property {Control[]} controls
 * @property {string[]} panels
 * @property {Record<string, PanelFacts>} facts
 * @property {Record<string, any>} templates
 * @property {import("../figures/camera.mjs").Camera} camera
 * @property {Record<string, Palette>} palettes
 * @property {{palette: string, log: string}} usual
 * @property {number} columns
 * @property {number} narrowest
 * @property {string} first the place shown unless the URL names one
 * @property {Record<string, string[]>} places
 * @property {Record<string, Record<string, string>>} presets
 * @property {{script: string, component: object}} grid
 * @property {Record<string, string[]>} lessons
 * @property {Record<string, {columns: object[], about: string}>} tables
 * @property {Hideable[]} hideable
 * @property {string} plotly the address of its script
 *
 * @typedef {Names & More} Told
 */
/** @type {Told} */
export const told = JSON.parse(document.getElementById("declared").textContent);

/** @type {Names} */
export const names = told;
