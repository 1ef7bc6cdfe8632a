CREATE TABLE "relay"."run_names" (
	"run_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"created_at_ms" bigint NOT NULL,
	"name" text NOT NULL,
	"grams" integer[] NOT NULL,
	CONSTRAINT "run_names_run_id_ordinal_pk" PRIMARY KEY("run_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "relay"."run_people" (
	"person" text NOT NULL,
	"run_id" text NOT NULL,
	"created_at_ms" bigint NOT NULL,
	CONSTRAINT "run_people_run_id_person_pk" PRIMARY KEY("run_id","person")
);
--> statement-breakpoint
DROP INDEX "relay"."runs_created";--> statement-breakpoint
DROP INDEX "relay"."runs_finished";--> statement-breakpoint
CREATE INDEX "run_names_created" ON "relay"."run_names" USING btree ("created_at_ms","run_id");--> statement-breakpoint
CREATE INDEX "run_names_grams" ON "relay"."run_names" USING gin ("grams") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "run_people_person" ON "relay"."run_people" USING btree ("person","created_at_ms","run_id");--> statement-breakpoint
CREATE INDEX "runs_listed" ON "relay"."runs" USING btree ("created_at_ms","id","status","rule_name","workspace_id","app","error_code","error_step");--> statement-breakpoint
CREATE INDEX "runs_ended" ON "relay"."runs" USING btree ("finished_at_ms","status","rule_name","app","created_at_ms","elapsed_ms") WHERE queue is null;--> statement-breakpoint
CREATE INDEX "runs_share_url" ON "relay"."runs" USING hash ("share_url");