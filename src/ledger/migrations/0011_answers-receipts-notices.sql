CREATE TABLE "relay"."answers" (
	"run_id" text NOT NULL,
	"phase" text NOT NULL,
	"into" text NOT NULL,
	"ordinal" integer NOT NULL,
	"state" text NOT NULL,
	"question" text,
	"handle" jsonb,
	"text" text,
	"found_in" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"note" text,
	"since_ms" bigint NOT NULL,
	"asked_at_ms" bigint,
	"ended_at_ms" bigint,
	CONSTRAINT "answers_run_id_phase_into_pk" PRIMARY KEY("run_id","phase","into")
);
--> statement-breakpoint
CREATE TABLE "relay"."notices" (
	"key" text PRIMARY KEY NOT NULL,
	"variable" text NOT NULL,
	"text" text NOT NULL,
	"run_id" text,
	"state" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"due_at_ms" bigint NOT NULL,
	"lease_until_ms" bigint DEFAULT 0 NOT NULL,
	"error" text,
	"created_at_ms" bigint NOT NULL,
	"sent_at_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "relay"."receipts" (
	"run_id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"comment_id" text,
	"node_id" text,
	"failures" integer DEFAULT 0 NOT NULL,
	"due_at_ms" bigint NOT NULL,
	"lease_until_ms" bigint DEFAULT 0 NOT NULL,
	"error" text,
	"written_at_ms" bigint
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "answer_texts" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "told_end_ms" bigint;--> statement-breakpoint
CREATE INDEX "notices_due" ON "relay"."notices" USING btree ("due_at_ms") WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX "notices_run" ON "relay"."notices" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "notices_created" ON "relay"."notices" USING btree ("created_at_ms");--> statement-breakpoint
CREATE INDEX "receipts_due" ON "relay"."receipts" USING btree ("due_at_ms") WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX "receipts_node" ON "relay"."receipts" USING btree ("node_id");--> statement-breakpoint
CREATE INDEX "runs_untold" ON "relay"."runs" USING btree ("finished_at_ms") WHERE finished_at_ms is distinct from told_end_ms and (rule #>> '{deliver,receipt}' is not null or rule #>> '{deliver,noticeVariable}' is not null);