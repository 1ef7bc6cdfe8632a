ALTER TABLE "relay"."deliveries" ADD COLUMN "headers" jsonb;--> statement-breakpoint
ALTER TABLE "relay"."outputs" ADD COLUMN "excerpt" text;--> statement-breakpoint
ALTER TABLE "relay"."attempts" ADD COLUMN "tries" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "relay"."attempts" ADD COLUMN "worked_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."attempts" ADD COLUMN "waited_for" text;--> statement-breakpoint
ALTER TABLE "relay"."attempts" ADD COLUMN "between_for" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "waits_for" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "sent_inputs" jsonb;--> statement-breakpoint
CREATE INDEX "deliveries_unaccepted" ON "relay"."deliveries" USING btree ("verdict","received_at_ms") WHERE verdict <> 'accepted';