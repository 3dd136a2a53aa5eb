"""Ways to break each rule of delivery, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass

STAGE = "services/bus/stage.py"
READING = "services/bus/reading.py"
SERVICE = "services/bus/service.py"
ENVELOPE = "services/bus/envelope.py"
WATCHDOG = "services/bus/watchdog.py"
LUA = "services/bus/scripts"
SENDING = "services/bus/scripts/sending.py"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``old``, which must occur once in ``file``, by ``new``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to break a rule. ``tests``: names of test functions, one of which must fail."""

    rule: int
    what: str
    edits: tuple[Edit, ...]
    file: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        1,
        "groups start at the end of the stream",
        (Edit("services/bus/groups.py", 'id="0", mkstream', 'id="$", mkstream'),),
        "test_rule_01_groups.py",
        ("test_what_lay_on_the_stream_before_any_group_existed_is_delivered",),
    ),
    Mutation(
        1,
        "publishing makes no groups",
        (
            Edit(
                "services/bus/publisher.py",
                "            await self._ensure_groups(articles)\n"
                "            events = [_referred(article)",
                "            events = [_referred(article)",
            ),
        ),
        "test_rule_01_groups.py",
        ("test_the_first_publish_finds_every_group_in_place",),
    ),
    Mutation(
        2,
        "new messages are read without a count",
        (Edit(READING, "consumer=new, max_records=self._batch_size,", "consumer=new,"),),
        "test_rule_02_subscribers.py",
        ("test_new_messages_come_in_batches_of_at_most_the_batch_size",),
    ),
    Mutation(
        2,
        "abandoned messages are never claimed",
        (Edit(READING, "for abandoned in (False, True):", "for abandoned in (False,):"),),
        "test_rule_02_subscribers.py",
        ("test_the_subscriber_of_new_messages_has_a_count_and_acknowledges_nothing_itself",),
    ),
    Mutation(
        2,
        "a raising batch is buried whole",
        (
            Edit(
                STAGE,
                "        await self._one_by_one(items)\n",
                "        for item in items:\n            await self._bury(item, fault_of(error))\n",
            ),
        ),
        "test_rule_02_subscribers.py",
        ("test_a_raising_article_among_good_ones_dies_alone",),
    ),
    Mutation(
        2,
        "dead consumers are deleted with what is pending",
        (Edit(f"{LUA}/drop_consumers.lua", "consumer['pending'] == 0 and ", ""),),
        "test_rule_02_subscribers.py",
        ("test_dead_consumers_are_forgotten_unless_something_is_pending_with_them",),
    ),
    Mutation(
        3,
        "handing off doesn't ask whether the message is still pending",
        (
            Edit(
                f"{LUA}/hand_off.lua",
                "if redis.call('XACK', KEYS[1], ARGV[1], id) == 0 then return 0 end",
                "redis.call('XACK', KEYS[1], ARGV[1], id)",
            ),
        ),
        "test_rule_03_hand_off.py",
        ("test_a_worker_whose_message_was_taken_over_and_handed_off_adds_nothing",),
    ),
    Mutation(
        3,
        "acknowledging and forwarding are two steps",
        (
            Edit(
                STAGE,
                "            if onward:\n",
                "            for each, _ in onward._results:\n"
                "                await self._acknowledge(each)\n"
                "            if onward:\n",
            ),
        ),
        "test_rule_03_hand_off.py",
        ("test_a_stage_killed_before_any_of_its_effects_loses_and_doubles_nothing",),
    ),
    Mutation(
        3,
        "what one round trip could not do counts as done",
        (Edit(SENDING, "                    raise answer\n", "                    answer = 0\n"),),
        "test_sending.py",
        ("test_what_a_full_server_refuses_is_sent_again_and_the_rest_is_not",),
    ),
    Mutation(
        3,
        "the messages of one run of a script get each other's answers",
        (
            Edit(
                SENDING,
                "[answer] * len(run) if isinstance(answer, Exception) else answer",
                "[answer] * len(run) if isinstance(answer, Exception) else answer[::-1]",
            ),
        ),
        "test_sending.py",
        ("test_more_than_one_run_holds_are_answered_each",),
    ),
    Mutation(
        3,
        "what was answered is sent again in the place of what was not",
        (Edit(SENDING, "parts(calls[len(answers) :])", "parts(calls[: -len(answers) or None])"),),
        "test_sending.py",
        ("test_what_a_full_server_refuses_is_sent_again_and_the_rest_is_not",),
    ),
    Mutation(
        3,
        "burying doesn't ask whether the message is still pending",
        (
            Edit(
                f"{LUA}/bury.lua",
                "if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end",
                "redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])",
            ),
        ),
        "test_rule_03_hand_off.py",
        ("test_of_many_that_bury_one_message_at_once_exactly_one_succeeds",),
    ),
    Mutation(
        3,
        "a dead letter is sent again without asking whether it is still there",
        (
            Edit(
                f"{LUA}/retry.lua",
                "if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return '' end",
                "redis.call('XDEL', KEYS[1], ARGV[1])",
            ),
        ),
        "test_dead_letters.py",
        ("test_a_letter_is_sent_again_once_however_many_try_at_the_same_time",),
    ),
    Mutation(
        3,
        "the marker of a dead letter that is sent again stays behind",
        (Edit(f"{LUA}/retry.lua", "if KEYS[3] then", "if false then"),),
        "test_dead_letters.py",
        ("test_its_marker_moves_with_it_and_its_attempts_begin_anew",),
    ),
    Mutation(
        6,
        "what the failure budget holds back is buried all the same",
        (
            Edit(
                STAGE,
                "await self._patience.insist(lambda: self.budget.spend(fault, about))",
                "del about",
            ),
        ),
        "test_failure_budget.py",
        ("test_a_stage_buries_up_to_its_budget_and_gives_the_rest_back",),
    ),
    Mutation(
        6,
        "a stopped stage counts the attempts that it gives back",
        (
            Edit(
                STAGE,
                "        await asyncio.shield(self._give_back(messages))\n"
                "        self.facts.halted",
                "        self.facts.halted",
            ),
        ),
        "test_failure_budget.py",
        ("test_a_stage_buries_up_to_its_budget_and_gives_the_rest_back",),
    ),
    Mutation(
        3,
        "a key outside the desk's slot",
        (
            Edit(
                "services/bus/keys.py",
                '"{self._here}:attempts:',
                '"{self.namespace}:attempts:',
            ),
        ),
        "test_rule_03_hand_off.py",
        (
            "test_the_keys_of_each_script_lie_in_one_slot_of_a_cluster",
            "test_every_key_that_can_be_built_lies_in_its_partition_s_slot_or_at_home",
        ),
    ),
    Mutation(
        4,
        "publishing doesn't look at the marker",
        (Edit(f"{LUA}/publish.lua", "if at then", "if false then"),),
        "test_rule_04_publish_once.py",
        ("test_publishers_at_the_same_time_add_each_article_once",),
    ),
    Mutation(
        4,
        "a marker holds its article back though its entry is gone",
        (
            Edit(
                f"{LUA}/publish.lua",
                " and #redis.call('XRANGE', KEYS[2 + i], id, id) > 0 then",
                " then",
            ),
        ),
        "test_rule_04_publish_once.py",
        ("test_an_article_whose_entry_was_deleted_is_published_again",),
    ),
    Mutation(
        5,
        "leases are renewed too late",
        (
            Edit(
                READING,
                "asyncio.sleep(self._settings.claim_after / LEASE_FRACTION)",
                "asyncio.sleep(self._settings.claim_after * LEASE_FRACTION)",
            ),
        ),
        "test_rule_05_leases.py",
        ("test_work_of_four_claim_times_is_not_taken_over_by_an_idle_worker",),
    ),
    Mutation(
        5,
        "renewing a lease counts as a delivery",
        (Edit(READING, "0, ids, justid=True", "0, ids, justid=False"),),
        "test_rule_05_leases.py",
        ("test_work_of_four_claim_times_is_not_taken_over_by_an_idle_worker",),
    ),
    Mutation(
        5,
        "every worker reads every partition",
        (
            Edit(
                "services/bus/shares.py",
                "if keys.partitions == 1 or stage.spec.one_process:",
                "if keys.partitions:",
            ),
        ),
        "test_partitions.py",
        ("test_revisions_of_an_article_go_on_in_order_while_workers_come_and_go",),
    ),
    Mutation(
        5,
        "a partition is read on while its last reader's messages are in work",
        (
            Edit(
                "services/bus/shares.py",
                "return bool(names.difference(self.stage.consumers))",
                "return False",
            ),
        ),
        "test_partitions.py",
        ("test_revisions_of_an_article_go_on_in_order_while_workers_come_and_go",),
    ),
    Mutation(
        5,
        "a partition is given up while a batch of it is in work",
        (Edit("services/bus/shares.py", "await self.stage.settle(partition)", "pass"),),
        "test_partitions.py",
        ("test_a_partition_of_the_surplus_stays_while_its_batch_is_in_work_and_nothing_waits",),
    ),
    Mutation(
        5,
        "what comes while a batch is gathered is read before it",
        (
            Edit(
                READING,
                "            await self._gather(hand)\n",
                "            hand.begun.set()\n            await self._gather(hand)\n",
            ),
        ),
        "test_read_ahead.py",
        ("test_what_is_gathered_stays_before_what_is_read_ahead",),
    ),
    Mutation(
        9,
        "a stop doesn't wait for a batch that was read ahead",
        (
            Edit(
                READING,
                "await self.settle(timeout=max(0.0, until - time.monotonic()))",
                "await asyncio.sleep(until - until)",
            ),
        ),
        "test_read_ahead.py",
        ("test_a_stop_waits_for_a_batch_behind_which_nothing_was_read",),
    ),
    Mutation(
        4,
        "whoever has another number of partitions may publish",
        (Edit(f"{LUA}/publish.lua", "~= ARGV[4] then", "== 'never' then"),),
        "test_agreement.py",
        ("test_who_knows_another_number_publishes_nothing",),
    ),
    Mutation(
        5,
        "a swallowed cancellation of a renewal hangs the stage",
        (
            Edit(
                READING,
                "            await cancel(renewals)\n",
                "            renewals.cancel()\n"
                "            try:\n"
                "                await renewals\n"
                "            except asyncio.CancelledError:\n"
                "                pass\n",
            ),
        ),
        "test_rule_05_leases.py",
        ("test_a_batch_that_ends_while_its_lease_is_being_renewed_does_not_hang_the_stage",),
    ),
    Mutation(
        6,
        "attempts are not counted before they are made",
        (
            Edit(
                f"{LUA}/begin.lua",
                "redis.call('HINCRBY', KEYS[1], id, 1)",
                "(tonumber(redis.call('HGET', KEYS[1], id) or 0) + 1)",
            ),
        ),
        "test_rule_06_attempts.py",
        ("test_the_attempt_is_on_record_while_it_is_made_and_gone_afterwards",),
    ),
    Mutation(
        6,
        "a batch counts as many attempts as it has messages",
        (
            Edit(
                f"{LUA}/begin.lua",
                "redis.call('HINCRBY', KEYS[1], id, 1)",
                "redis.call('HINCRBY', KEYS[1], id, #KEYS - 2)",
            ),
        ),
        "test_rule_06_attempts.py",
        ("test_the_innocent_neighbours_of_a_crash_are_not_blamed_for_it",),
    ),
    Mutation(
        7,
        "bytes that are no JSON raise",
        (
            Edit(
                ENVELOPE,
                "except (orjson.JSONDecodeError, RecursionError) as error:",
                "except RecursionError as error:",
            ),
        ),
        "test_rule_07_total_format.py",
        (
            "test_hostile_bytes_are_read_as_unreadable_with_a_reason",
            "test_reading_never_raises_on_bytes",
        ),
    ),
    Mutation(
        7,
        "an entry without the data field raises",
        (Edit(ENVELOPE, "_fields_as_json(fields) if raw is None else raw", "fields[_DATA_FIELD]"),),
        "test_rule_07_total_format.py",
        ("test_an_entry_without_the_data_field_is_carried_as_json_of_its_fields",),
    ),
    Mutation(
        7,
        "what can't be written is read all the same",
        (Edit(ENVELOPE, "if _deeper_than(document, MAX_DEPTH):", "if False:"),),
        "test_rule_07_total_format.py",
        ("test_hostile_bytes_are_read_as_unreadable_with_a_reason",),
    ),
    Mutation(
        7,
        "at once is read what a closer look would refuse",
        (Edit(ENVELOPE, "if not _plainly_shallow(raw) or", "if False or"),),
        "test_rule_07_total_format.py",
        ("test_what_is_read_at_once_is_what_a_closer_look_reads",),
    ),
    Mutation(
        8,
        "the group of an inbox that is read is deleted with those that are gone",
        (Edit(f"{LUA}/drop_inboxes.lua", "then gone = false end", "then gone = true end"),),
        "test_rule_08_retention.py",
        ("test_an_inbox_that_is_read_keeps_its_group_whoever_sweeps",),
    ),
    Mutation(
        8,
        "streams are trimmed by length",
        (Edit(f"{LUA}/trim.lua", "'MINID', floor", "'MAXLEN', 1"),),
        "test_rule_08_retention.py",
        (
            "test_what_is_young_stays_however_well_it_is_dealt_with",
            "test_no_source_trims_by_length",
        ),
    ),
    Mutation(
        8,
        "what is pending is trimmed",
        (Edit(f"{LUA}/trim.lua", "if pending[1] > 0 and older", "if false and older"),),
        "test_rule_08_retention.py",
        ("test_nothing_that_a_group_still_needs_disappears",),
    ),
    Mutation(
        8,
        "a stage that lags is trimmed over",
        (Edit(f"{LUA}/trim.lua", "if protected[group['name']] or lag", "if lag"),),
        "test_rule_08_retention.py",
        ("test_what_a_stage_has_not_read_stays_however_far_it_lags",),
    ),
    Mutation(
        9,
        "a lost group goes unnoticed",
        (
            Edit(
                WATCHDOG,
                "        if there and note.number == keys.partitions:\n",
                "        if note.number == keys.partitions:\n",
            ),
        ),
        "test_rule_09_ends.py",
        ("test_a_lost_group_is_named_as_the_cause_of_the_dead_subscribers",),
    ),
    Mutation(
        9,
        "a dead subscriber goes unnoticed",
        (Edit(WATCHDOG, "if ended or not subscriber.running", "if not subscriber.running"),),
        "test_rule_09_ends.py",
        ("test_a_subscriber_is_dead_when_it_stopped_or_has_no_task_or_one_that_ended",),
    ),
    Mutation(
        9,
        "FastStream's supervisor stays on",
        (Edit(SERVICE, '"FASTSTREAM_SUPERVISOR_DISABLED"] = "1"', '"NO_SUPERVISOR"] = "1"'),),
        "test_rule_09_ends.py",
        ("test_faststream_s_own_supervisor_is_off_in_a_service_process",),
    ),
    Mutation(
        9,
        "a stop doesn't wait for the batch in work",
        (
            Edit(
                SERVICE,
                "graceful_timeout=settings.graceful_timeout,",
                "graceful_timeout=0.001,",
            ),
        ),
        "test_rule_09_ends.py",
        ("test_a_stop_in_mid_batch_finishes_the_batch_and_takes_no_other",),
    ),
    Mutation(
        10,
        "the handler runs on the event loop",
        (
            Edit(
                STAGE,
                "await asyncio.to_thread(self._in_thread, [item.payload for item in items])",
                "self._in_thread([item.payload for item in items])",
            ),
        ),
        "test_rule_10_off_the_loop.py",
        ("test_the_loop_turns_while_a_handler_blocks_its_thread",),
    ),
    Mutation(
        11,
        "FastStream's own lines are shown",
        (
            Edit(SERVICE, '("faststream").setLevel(logging.WARNING)', '("x").setLevel(30)'),
            Edit(SERVICE, "log_level=logging.DEBUG", "log_level=logging.INFO"),
        ),
        "test_rule_11_log_lines.py",
        (
            "test_faststream_s_lines_are_not_written_even_at_debug",
            "test_the_broker_writes_what_it_says_of_messages_at_debug",
        ),
    ),
    Mutation(
        11,
        "a line carries no trace id",
        (
            Edit(
                "services/bus/messages.py",
                '            "trace_id": tracing.trace_id(self.traceparent),\n',
                "",
            ),
        ),
        "test_rule_11_log_lines.py",
        ("test_the_line_of_an_article_carries_every_id_and_how_long_it_took",),
    ),
    Mutation(
        12,
        "hiredis is no longer asked for",
        (Edit("pyproject.toml", '"redis[hiredis]~=', '"redis~='),),
        "test_rules_12_to_14_libraries.py",
        ("test_the_fast_parsers_are_declared_for_every_service",),
    ),
    Mutation(
        13,
        "FastStream's FastAPI plugin is used",
        (
            Edit(
                SERVICE,
                "    from services.bus.stage import Handler\n",
                "    from faststream.redis.fastapi import RedisRouter\n"
                "    from services.bus.stage import Handler\n",
            ),
        ),
        "test_rules_12_to_14_libraries.py",
        ("test_no_source_uses_faststream_s_fastapi_plugin",),
    ),
    Mutation(
        14,
        "the deprecated path into testcontainers",
        (
            Edit(
                "tests/servers.py",
                "from testcontainers.community.redis import",
                "from testcontainers.redis import",
            ),
        ),
        "test_rules_12_to_14_libraries.py",
        ("test_containers_come_from_testcontainers_community",),
    ),
)
"""At least one for each rule of delivery."""
