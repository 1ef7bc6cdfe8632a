CREATE TABLE "relay"."processes" (
	"id" text PRIMARY KEY NOT NULL,
	"version" text NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"receives" boolean NOT NULL,
	"queues" jsonb NOT NULL,
	"started_at_ms" bigint NOT NULL,
	"seen_at_ms" bigint NOT NULL,
	"ended_at_ms" bigint
);
