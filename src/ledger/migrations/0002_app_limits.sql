CREATE TABLE "relay"."app_limits" (
	"app" text PRIMARY KEY NOT NULL,
	"slots" integer NOT NULL,
	"start_slots" integer NOT NULL,
	"changed_at_ms" bigint NOT NULL,
	"quiet_since_ms" bigint NOT NULL,
	"refusals" integer DEFAULT 0 NOT NULL,
	"rest_until_ms" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."app_slots" (
	"app" text NOT NULL,
	"slot" integer NOT NULL,
	"run_id" text NOT NULL,
	"owner" text NOT NULL,
	"taken_at_ms" bigint NOT NULL,
	"until_ms" bigint NOT NULL,
	"admitted_at_ms" bigint,
	CONSTRAINT "app_slots_app_slot_pk" PRIMARY KEY("app","slot")
);
--> statement-breakpoint
CREATE TABLE "relay"."rule_days" (
	"rule_name" text NOT NULL,
	"day" text NOT NULL,
	"runs" integer DEFAULT 0 NOT NULL,
	"tokens" bigint DEFAULT 0 NOT NULL,
	"elapsed_ms" bigint DEFAULT 0 NOT NULL,
	"costs" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "rule_days_rule_name_day_pk" PRIMARY KEY("rule_name","day")
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "waiting_app" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "elapsed_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "cost" double precision;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "currency" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "counted_day" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "usage_run_id" text;--> statement-breakpoint
CREATE INDEX "runs_waiting" ON "relay"."runs" USING btree ("waiting_app","created_at_ms");