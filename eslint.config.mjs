// What the scripts must keep: nothing unused, nothing shadowed by accident, no cycle of imports is tests/js/graph.test.mjs.
import js from "@eslint/js";

export default [
  { ignores: [".venv/", ".bench-venv/", "build/", "dist/", "docs/"] },
  js.configs.recommended,
  {
    files: ["assets/**/*.mjs", "tests/js/**/*.mjs"],
    rules: {
      "no-undef": "off", // tsc knows what there is
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "prefer-const": ["error", { destructuring: "all" }],
      "no-var": "error",
      eqeqeq: "error",
      "no-empty": ["error", { allowEmptyCatch: true }],
      "no-restricted-properties": ["error",
        { property: "innerHTML", message: "Build elements, so that no text becomes markup." },
        { property: "insertAdjacentHTML", message: "Build elements, so that no text becomes markup." }],
    },
  },
];
