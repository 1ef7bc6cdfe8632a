CREATE TABLE "relay"."leases" (
	"name" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"until_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."listed_nodes" (
	"workspace_id" text NOT NULL,
	"node_id" text NOT NULL,
	"version_id" text,
	"parent_id" text NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "listed_nodes_workspace_id_node_id_pk" PRIMARY KEY("workspace_id","node_id")
);
--> statement-breakpoint
CREATE TABLE "relay"."pull_states" (
	"workspace_id" text PRIMARY KEY NOT NULL,
	"workspace_name" text NOT NULL,
	"source" text,
	"pulled_at_ms" bigint,
	"error_code" text,
	"error_message" text,
	"next_action" text,
	"failing_since_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "relay"."signature_pins" (
	"secret_print" text PRIMARY KEY NOT NULL,
	"scheme" text NOT NULL,
	"key_form" text,
	"first_seen_ms" bigint NOT NULL,
	"previous_scheme" text,
	"previous_key_form" text,
	"changed_at_ms" bigint
);
--> statement-breakpoint
ALTER TABLE "relay"."events" ADD COLUMN "pulled_at_ms" bigint;