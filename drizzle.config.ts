import { defineConfig } from "drizzle-kit";

/** `npm run migrations` writes the next migration after a change of the schema. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/ledger/schema.ts",
  out: "./src/ledger/migrations",
});
