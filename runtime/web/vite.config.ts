import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.PENSTOCK_DEV_SERVER ?? "http://127.0.0.1:6789";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    // The server serves this folder; it lies outside the project, so Vite must be told that emptying it is meant.
    outDir: "../penstock_runtime/server/static",
    emptyOutDir: true,
    // Inline data: addresses would need a looser content security policy.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/api": { target: server, ws: true } } },
  test: { include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
