CREATE TABLE "relay"."alerts" (
	"key" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"message" text NOT NULL,
	"next_action" text NOT NULL,
	"since_ms" bigint NOT NULL,
	"last_seen_ms" bigint NOT NULL,
	"notified_at_ms" bigint,
	"cleared_at_ms" bigint,
	"flaps" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "relay"."events" ADD COLUMN "traceparent" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "traceparent" text;--> statement-breakpoint
CREATE INDEX "alerts_cleared" ON "relay"."alerts" USING btree ("cleared_at_ms");