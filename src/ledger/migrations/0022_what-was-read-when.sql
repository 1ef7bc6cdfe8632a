CREATE SEQUENCE "relay"."readings" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
ALTER TABLE "relay"."run_files" ADD COLUMN "reading" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "reading" bigint;