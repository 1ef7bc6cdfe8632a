CREATE TABLE "relay"."tool_calls" (
	"id" text PRIMARY KEY NOT NULL,
	"at_ms" bigint NOT NULL,
	"caller" text NOT NULL,
	"via" text NOT NULL,
	"operation" text NOT NULL,
	"target" text,
	"request_id" text,
	"status" integer,
	"code" text,
	"ended_at_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "relay"."tool_requests" (
	"caller" text NOT NULL,
	"request_id" text NOT NULL,
	"operation" text NOT NULL,
	"input_hash" text NOT NULL,
	"state" text NOT NULL,
	"owner" text NOT NULL,
	"until_ms" bigint NOT NULL,
	"progress" jsonb,
	"answer" jsonb,
	"started_at_ms" bigint NOT NULL,
	"ended_at_ms" bigint,
	CONSTRAINT "tool_requests_caller_request_id_pk" PRIMARY KEY("caller","request_id")
);
--> statement-breakpoint
CREATE INDEX "tool_calls_at" ON "relay"."tool_calls" USING btree ("at_ms");--> statement-breakpoint
CREATE INDEX "tool_calls_caller" ON "relay"."tool_calls" USING btree ("caller","at_ms");--> statement-breakpoint
CREATE INDEX "tool_requests_started" ON "relay"."tool_requests" USING btree ("started_at_ms");