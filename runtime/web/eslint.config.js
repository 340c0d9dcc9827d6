import { readdirSync } from "node:fs";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const source = new URL("./src/", import.meta.url);
const features = readdirSync(new URL("features/", source));

const SCHEMA = { regex: "api/schema$|^\\./schema$", message: "Only src/api reads the generated schema." };
const LAYERS = {
  components: ["features", "routes", "graph"],
  graph: ["features", "routes"],
  api: ["features", "routes", "graph", "components"],
};

const restrict = (patterns) => ({ "no-restricted-imports": ["error", { patterns }] });
const layer = ([folder, above]) => ({
  files: [`src/${folder}/**`],
  rules: restrict([
    { regex: `^(@|\\.\\.)/(${above.join("|")})/`, message: `${folder} may not import ${above.join(", ")}.` },
    ...(folder === "api" ? [] : [SCHEMA]),
  ]),
});
const feature = (name) => ({
  files: [`src/features/${name}/**`],
  rules: restrict([
    SCHEMA,
    { regex: `^@/(routes/|features/(?!${name}/))`, message: "Features never import each other, nor routes." },
    { regex: "^\\.\\./", message: "Leave a feature through @/ only." },
  ]),
});

export default tseslint.config(
  { ignores: ["src/api/schema.ts", "node_modules"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  reactHooks.configs.flat.recommended,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", "scripts/*.mjs"] } },
    },
    rules: {
      "no-restricted-imports": ["error", { patterns: [SCHEMA] }],
      // Numbers in texts are what this page is made of.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `onClick={() => mutate()}` is how handlers are written.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 100],
      "max-params": ["error", 6],
    },
  },
  ...Object.entries(LAYERS).map(layer),
  ...features.map(feature),
  { files: ["**/*.js", "**/*.mjs"], ...tseslint.configs.disableTypeChecked },
  { files: ["**/*.test.ts", "**/*.test.tsx"], rules: { "max-lines-per-function": "off" } },
);
