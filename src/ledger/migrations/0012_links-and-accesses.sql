CREATE TABLE "relay"."access_reads" (
	"run_id" text PRIMARY KEY NOT NULL,
	"read_to_ms" bigint NOT NULL,
	"due_at_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."accesses" (
	"key" text PRIMARY KEY NOT NULL,
	"run_id" text NOT NULL,
	"rule_name" text NOT NULL,
	"share_id" text,
	"kind" text NOT NULL,
	"object_id" text,
	"object_name" text,
	"actor_user_id" text,
	"actor_email" text,
	"at_ms" bigint NOT NULL,
	"delivered_at_ms" bigint,
	"searched_at_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "relay"."handoffs" (
	"org_id" text NOT NULL,
	"rule_name" text NOT NULL,
	"run_id" text NOT NULL,
	"transfer_id" text,
	"asked_at_ms" bigint NOT NULL,
	"asked_by" text NOT NULL,
	"expires_at_ms" bigint,
	CONSTRAINT "handoffs_org_id_rule_name_pk" PRIMARY KEY("org_id","rule_name")
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_close_asked_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_close_asked_by" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_close_reason" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_closed_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_close_error" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_close_retry_at_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "access_reads_due" ON "relay"."access_reads" USING btree ("due_at_ms");--> statement-breakpoint
CREATE INDEX "accesses_run" ON "relay"."accesses" USING btree ("run_id","at_ms");--> statement-breakpoint
CREATE INDEX "accesses_share" ON "relay"."accesses" USING btree ("share_id","at_ms");--> statement-breakpoint
CREATE INDEX "accesses_at" ON "relay"."accesses" USING btree ("at_ms","key");--> statement-breakpoint
CREATE INDEX "handoffs_rule" ON "relay"."handoffs" USING btree ("rule_name");--> statement-breakpoint
CREATE INDEX "runs_close_asked" ON "relay"."runs" USING btree ("share_close_asked_at_ms") WHERE share_close_asked_at_ms is not null;