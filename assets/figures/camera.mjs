// @ts-check
// Cameras of surfaces.


/**
 * @typedef {{x: number, y: number, z: number}} Axes
 * @typedef {{eye: Axes, center?: Axes, up?: Axes}} Camera
 */
const PARTS = ["eye", "center", "up"];
const AXES = ["x", "y", "z"];
const VIEWPOINT = PARTS.flatMap((part) => AXES.map((axis) => [part, axis]));

/** Whether two cameras show the same, to what plotly rounds. */
export function sameView(one, other) {
  if (!one || !other) return false;
  return PARTS.every((part) => AXES.every(
    (axis) => Math.abs((one[part]?.[axis] ?? 0) - (other[part]?.[axis] ?? 0)) < 1e-5));
}

/**
 * A camera as nine numbers, which a room passes on.
 * @param {Record<string, any>} camera
 */
export const numbersOf = (camera) => VIEWPOINT.map(([part, axis]) => Number((camera[part]?.[axis] ?? 0).toFixed(4)));

/**
 * The camera of these numbers, in all else like another.
 * @param {number[]} numbers
 * @param {Camera} like
 */
export function cameraOfNumbers(numbers, like) {
  const camera = structuredClone(like);
  VIEWPOINT.forEach(([part, axis], place) => {
    camera[part] = { ...camera[part], [axis]: numbers[place] };
  });
  return camera;
}

const STEP = Math.PI / 24; // of a turn by key
const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const NEARER = { "+": 0.9, "=": 0.9, "-": 1 / 0.9, "−": 1 / 0.9 };

/**
 * The camera after a key; null for a key that turns nothing.
 * @param {Camera} now
 * @param {Camera} home
 * @param {string} key
 */
export function turnedByKey(now, home, key) {
  if (key === "Home") return structuredClone(home);
  const [around, up] = TURNS[key] || [0, 0];
  const nearer = NEARER[key] || 1;
  if (!around && !up && nearer === 1) return null;
  const camera = structuredClone(now);
  orbit(camera, around * STEP, up * STEP, nearer);
  return camera;
}

// Moves the eye on a sphere about the point looked at, never over the pole.
function orbit(camera, around, up, nearer) {
  const { eye, center } = camera;
  const [x, y, z] = ["x", "y", "z"].map((axis) => eye[axis] - (center?.[axis] ?? 0));
  const radius = Math.hypot(x, y, z) * nearer;
  const angle = Math.atan2(y, x) + around;
  const height = Math.max(-1.5, Math.min(1.5, Math.asin(z / Math.hypot(x, y, z)) + up));
  eye.x = (center?.x ?? 0) + radius * Math.cos(height) * Math.cos(angle);
  eye.y = (center?.y ?? 0) + radius * Math.cos(height) * Math.sin(angle);
  eye.z = (center?.z ?? 0) + radius * Math.sin(height);
}
