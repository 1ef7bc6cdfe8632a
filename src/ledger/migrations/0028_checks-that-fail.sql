ALTER TABLE "relay"."pull_states" ADD COLUMN "check_error_message" text;--> statement-breakpoint
ALTER TABLE "relay"."pull_states" ADD COLUMN "check_next_action" text;--> statement-breakpoint
ALTER TABLE "relay"."pull_states" ADD COLUMN "check_failing_since_ms" bigint;