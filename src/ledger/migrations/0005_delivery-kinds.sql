CREATE TABLE "relay"."earlier_outputs" (
	"run_id" text NOT NULL,
	"node_id" text NOT NULL,
	"name" text NOT NULL,
	"placed_at_ms" bigint,
	CONSTRAINT "earlier_outputs_run_id_node_id_pk" PRIMARY KEY("run_id","node_id")
);
--> statement-breakpoint
CREATE TABLE "relay"."folder_claims" (
	"folder_node_id" text PRIMARY KEY NOT NULL,
	"run_id" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_ready_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_expires_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "share_expires_by" text;--> statement-breakpoint
CREATE INDEX "earlier_outputs_node" ON "relay"."earlier_outputs" USING btree ("node_id");--> statement-breakpoint
CREATE INDEX "folder_claims_run" ON "relay"."folder_claims" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "runs_share_expires" ON "relay"."runs" USING btree ("share_expires_by","share_expires_at_ms");