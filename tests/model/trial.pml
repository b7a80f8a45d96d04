/*
 * trial - a model of what agent/flow does to one or two projects on their way from old to new content: the steps, the
 * records between them, and what may happen in between: kill -9 of all or of one worker, a power cut, an engine that
 * goes away, a full disk, SIGTERM, content that fails. spin tries every order of it. What it checks:
 *   promise 2  `current` names a complete generation of contents that were found healthy
 *   promise 4  every end is the old or the new content, whole, on data of its own; or degraded. Nothing stays held
 *   promise 5  a content goes forward at most twice if only we died, once if its failure was known
 *   8, 10      an engine that is away, or a stop, turns no trial back; and there is always an end
 * A write of a record is one step: file_replace() sees to that. Steps are named after the functions they stand for; the
 * map is in docs/architecture.md#the-model. RULE n is one thing that the order of the code relies on; with BREAK=n in
 * the environment it is broken, and run.sh wants an error then. Depends on: spin, gcc.
 * To add a phase: its steps in `worker`, its line below `resume`, a RULE for what it relies on, its number in run.sh.
 */
#ifndef P
#define P 2 /* projects of the sync */
#endif
#define MAX_ATTEMPTS 2 /* trial.c */
#define MAX_TRIES    2 /* resume.c has 5: more than the kills here would reach */

mtype = { none, old, new, mixed };                        /* what a thing holds */
mtype = { idle, snapshot, restore, apply, healthy, undo, remove }; /* phases of intent.json */
mtype = { unset, begin, built, done };                    /* stages of a restore */
mtype = { undecided, commit, back };                      /* sync.json: decided */
mtype = { fresh, resume, decided, finish_commit, finish_undo };    /* why a worker was started */
mtype = { good, well, failed, retry, untouched, degraded, died }; /* its last word */

/* ---- given, chosen once ---- */
bool atomic_, volumes, rollback;
mtype want[P];
int BREAK; /* which RULE is broken; 0: none */
#define RULE(n) (BREAK != n)

/* ---- on disk: survives everything. Each record is replaced by one rename, so each write is one step ---- */
bool s_open, s_number, hold, s_list[P]; /* s_list: the projects that recovery looks at */
mtype s_decided;
mtype i_phase[P], i_stage[P];                 /* projects/<p>/intent.json */
byte i_attempt[P], i_tries[P];
bool i_failed[P], i_disk[P], i_made[P], i_undoing[P], i_atomic[P], i_blocked[P];
mtype record[P];                              /* active.json */
byte m_attempts[P];                           /* marks/ */
bool m_failed[P], lost[P];                    /* lost: degraded.json */
mtype generation[P], current[P];              /* generation.json; what `current` names */
bool written, c_number;

/* ---- the engine and the file systems ---- */
mtype containers[P], files[P];
bool held[P];
#define V(p, v) ((p) * 2 + (v))
mtype data[P * 2], copy[P * 2], side[P * 2]; /* two volumes each; side: beside its place */
bool swapped[P * 2];                         /* the tree in place has the identity that was built */

/* ---- in memory: gone with the agent ---- */
bool dead, gone[P], busy[P], ready;
bool listed[P];
mtype word[P];

/* ---- what may still happen ---- */
byte crashes, bad, away, stops, crowd; /* kills, verdicts, engine away, SIGTERM, full disk */

/* ---- what a person would have noted down: only for the promises ---- */
byte tried[P];
bool has_failed[P], judged[P], ended;

/*
 * One step of worker p: it happens; or before it the whole agent is killed, or this worker alone.
 */
#define DEAD (dead || gone[p])
#define STEP(effect)                                                                              \
	atomic {                                                                                  \
		if                                                                                \
		:: DEAD -> goto out                                                               \
		:: !DEAD -> effect                                                                \
		:: !DEAD && crashes > 0 -> crashes--; dead = true; goto out                       \
		:: !DEAD && crashes > 0 -> crashes--; gone[p] = true; goto out                    \
		fi                                                                                \
	}
#define KEEP(n, effect) STEP(if :: RULE(n) -> effect :: else fi)
/* The world in the way of going on; `then` is where that leads. */
#define MAYBE(budget, then)                                                                       \
	if                                                                                        \
	:: true -> skip                                                                           \
	:: atomic { !DEAD && budget > 0 -> budget--; } then                                       \
	fi
#define SAVE(phase) i_phase[p] = phase; i_stage[p] = m_stage; i_made[p] = was_made; i_undoing[p] = was_undoing
#define CLOSE_OF(q) i_phase[q] = idle; i_stage[q] = unset; i_attempt[q] = 0; i_tries[q] = 0; i_failed[q] = false; \
	i_disk[q] = false; i_made[q] = false; i_undoing[q] = false; i_atomic[q] = false; i_blocked[q] = false
#define CLOSE CLOSE_OF(p)
#define FINE(p, x) (!volumes || (data[V(p, 0)] == x && data[V(p, 1)] == x))

/* place.c, apply.c: files one by one, then Compose. The new version writes to its data as soon as it runs. */
inline bring_up(x)
{
	STEP(files[p] = (files[p] == x -> x : mixed));
	STEP(files[p] = x);
	STEP(containers[p] = (containers[p] == x -> x : mixed); held[p] = false;
	     if :: x == new && volumes -> data[V(p, 0)] = new :: else fi);
	STEP(containers[p] = x;
	     if :: x == new && volumes -> data[V(p, 1)] = new :: else fi;
	     assert(FINE(p, x))); /* promise 4: nothing runs on data of another version */
}

/* tree_swap(): RULE 7: by identity, so that a restart does not swap back */
inline exchange(v)
{
	STEP(if
	     :: swapped[V(p, v)] && RULE(7)
	     :: else -> tmp = data[V(p, v)]; data[V(p, v)] = side[V(p, v)]; side[V(p, v)] = tmp; tmp = none;
		swapped[V(p, v)] = true
	     fi)
}

/* restore.c: restore_run(); kept: from a snapshot that was kept, else from the one this trial took */
inline put_data(kept)
{
	if
	:: m_stage == begin ->
		STEP(containers[p] = none; held[p] = false);
		STEP(side[V(p, 0)] = (kept -> new : copy[V(p, 0)]); swapped[V(p, 0)] = false);
		STEP(side[V(p, 1)] = (kept -> new : copy[V(p, 1)]); swapped[V(p, 1)] = false);
		m_stage = built;
		KEEP(8, i_stage[p] = built) /* RULE 8: recorded before the first swap */
	:: m_stage == built -> STEP(containers[p] = none)
	:: else
	fi;
	if
	:: m_stage == built ->
		exchange(0);
		exchange(1);
		STEP(side[V(p, 0)] = none; if :: was_undoing -> copy[V(p, 0)] = none :: else fi);
		STEP(side[V(p, 1)] = none; if :: was_undoing -> copy[V(p, 1)] = none :: else fi);
		m_stage = done;
		STEP(i_stage[p] = done)
	:: else
	fi
}

/* undo.c: restore_plan_undo() */
#define PLAN_UNDO                                                                                 \
	if                                                                                        \
	:: was_made && !was_undoing ->                                                      \
		was_undoing = true;                                                            \
		m_stage = begin;                                                               \
		side[V(p, 0)] = none;                                                             \
		side[V(p, 1)] = none                                                              \
	:: else                                                                                   \
	fi

/* undo.c: undo_remember() */
#define REMEMBER                                                                                  \
	if                                                                                        \
	:: rollback || (!i_failed[p] && !i_disk[p])                                               \
	:: else -> m_attempts[p] = i_attempt[p]; m_failed[p] = !(i_disk[p] && i_attempt[p] < 2)   \
	fi

/* park.c: degraded, and the intent stays for the person who takes it up again */
inline park()
{
	STEP(lost[p] = true);
	word[p] = degraded
}

inline degrade()
{
	STEP(lost[p] = true);
	STEP(CLOSE);
	word[p] = degraded
}

proctype worker(byte p; mtype why)
{
	mtype tmp = none;
	mtype m_phase = idle, m_stage = unset; /* what it holds in memory */
	bool was_made, was_undoing, asked;

	if
	:: why == fresh && want[p] == none -> goto removal
	:: why == fresh && want[p] != none -> goto trial
	:: why == finish_commit || (why == decided && i_phase[p] == healthy) -> goto committing
	:: why == finish_undo -> atomic { was_made = i_made[p]; was_undoing = i_undoing[p]; m_stage = i_stage[p] };
		STEP(PLAN_UNDO; i_failed[p] = false; i_blocked[p] = true; SAVE(undo);
		     tried[p] = 0); /* for another's sake: that is no try of its own */
		goto undo_again
	:: why == resume || (why == decided && i_phase[p] != healthy) -> /* trial_resume(): what intent.json says, and nothing else, decides */
		atomic { was_made = i_made[p]; was_undoing = i_undoing[p]; m_stage = i_stage[p] };
		if
		:: i_phase[p] == idle -> /* ended() */
			word[p] = (want[p] == none || record[p] != current[p] -> good : retry);
			goto out
		:: i_phase[p] != idle && i_tries[p] >= MAX_TRIES -> park(); goto out /* give_up() */
		:: else -> STEP(i_tries[p]++) /* count(); taken back below, where it is no death */
		fi;
		if
		:: i_phase[p] == remove -> goto removing
		:: i_phase[p] == snapshot -> goto snapshot_cut
		:: i_phase[p] == undo -> goto undo_again
		:: i_phase[p] == healthy -> /* undo_undecided() */
			/* RULE 16: counted, as any attempt that we did not end */
			KEEP(16, if :: m_attempts[p] < i_attempt[p] -> m_attempts[p] = i_attempt[p] :: else fi);
			STEP(PLAN_UNDO; SAVE(undo));
			goto going_back
		:: i_phase[p] == apply || i_phase[p] == restore -> goto apply_cut
		fi
	fi;

trial: /* trial_work() */
	atomic { was_made = false; was_undoing = false; m_stage = unset };
	STEP(skip);
	if
	:: !volumes
	:: volumes -> /* take.c: taking_run() */
		KEEP(3, i_attempt[p] = m_attempts[p] + 1; SAVE(snapshot)); /* RULE 3: who is held is recorded first */
		STEP(held[p] = true; containers[p] = none);
		STEP(copy[V(p, 0)] = data[V(p, 0)]);
		MAYBE(crowd, goto abandon);
		MAYBE(stops, asked = true; goto abandon);
		MAYBE(away, goto out_retry);
		STEP(copy[V(p, 1)] = data[V(p, 1)]);
		was_made = true
	fi;
	/* RULE 1: the intent is on disk before the first effect */
	m_phase = (rollback && volumes -> restore : apply);
	if :: m_phase == restore -> m_stage = begin :: else fi;
	KEEP(1, i_attempt[p] = m_attempts[p] + 1; i_atomic[p] = atomic_ && !rollback; SAVE(m_phase));
	goto forward;

apply_cut: /* resume_apply() */
	if
	:: record[p] == want[p] && RULE(10) -> /* RULE 10: what is committed is not judged again */
		STEP(CLOSE); word[p] = good; goto out
	:: else ->
		if
		:: i_attempt[p] >= MAX_ATTEMPTS || i_phase[p] == restore -> goto turn
		:: else
		fi
	fi;
	/* RULE 2: an attempt is counted before it is made */
	KEEP(2, i_attempt[p]++);

forward:
	STEP(assert(tried[p] < 2 && !has_failed[p]); tried[p]++); /* promise 5 */
	if
	:: m_stage == begin || m_stage == built -> put_data(true); STEP(SAVE(apply))
	:: else
	fi;
	bring_up(new);
	MAYBE(crowd, STEP(i_disk[p] = true); goto turn);
	MAYBE(stops, asked = true; goto stopped);
	MAYBE(away, goto stopped);
	/* health.c */
	if
	:: true -> STEP(judged[p] = true)
	:: atomic { !DEAD && bad > 0 -> bad-- }; goto turn
	fi;
	if
	:: i_atomic[p] -> STEP(SAVE(healthy)); word[p] = well; goto out
	:: else
	fi;

committing: /* trial_commit(); RULE 4: active.json before the intent goes */
	STEP(if :: RULE(4) -> record[p] = new :: else -> CLOSE fi);
	STEP(m_attempts[p] = 0);
	STEP(if :: RULE(4) -> CLOSE :: else -> record[p] = new fi);
	word[p] = good;
	goto out;

stopped: /* trial_stopped(): this attempt does not count. RULE 11: neither a stop nor an engine that is away is a verdict */
	if :: RULE(11) :: else -> goto turn fi;
	STEP(if :: i_phase[p] == apply -> i_attempt[p]--; tried[p]-- :: else fi);
	goto out_retry;

turn: /* undo_trial(); RULE 5: the mark is there before the way back begins */
	assert(!asked); /* promise 10 */
	STEP(PLAN_UNDO);
	KEEP(5, i_failed[p] = !i_disk[p]; REMEMBER);
	STEP(i_failed[p] = !i_disk[p]; has_failed[p] = !i_disk[p]; SAVE(undo));
	goto going_back;

undo_again: /* undo_resume() */
	KEEP(5, REMEMBER);
	goto going_back;

going_back: /* back(); RULE 6: the data before the containers */
	if :: RULE(6) -> put_data(false) :: else fi;
	bring_up(old);
	MAYBE(stops, asked = true; goto out_retry);
	MAYBE(away, goto out_retry);
	MAYBE(bad, degrade(); goto out);
	word[p] = (i_disk[p] -> retry : failed);
	STEP(CLOSE);
	STEP(if :: RULE(5) :: else -> m_failed[p] = has_failed[p] fi);
	goto out;

snapshot_cut: /* snapshot_resume() */
	STEP(if :: !rollback -> m_attempts[p] = i_attempt[p] :: else fi);
abandon: /* taking_abandon(); RULE 9: let go before the intent goes */
	STEP(if :: RULE(9) -> held[p] = false; containers[p] = old :: else -> CLOSE fi);
	STEP(if :: RULE(9) -> CLOSE :: else -> held[p] = false; containers[p] = old fi);
	STEP(copy[V(p, 0)] = none; copy[V(p, 1)] = none);
	word[p] = (why == fresh -> retry : untouched);
	goto out;

removal: /* remove_work() */
	STEP(SAVE(remove));
removing:
	STEP(containers[p] = mixed);
	MAYBE(stops, asked = true; goto out_retry);
	MAYBE(away, goto out_retry);
	STEP(containers[p] = none);
	STEP(files[p] = none);
	STEP(record[p] = none);
	STEP(CLOSE);
	word[p] = good;
	goto out;

out_retry:
	STEP(if :: i_phase[p] != idle && i_tries[p] > 0 -> i_tries[p]-- :: else fi); /* take_back() */
	word[p] = retry;
out:
	atomic {
		if :: gone[p] -> word[p] = died :: else fi;
		busy[p] = false
	}
}

#define ANY(cond) ((listed[0] && cond(0)) || (P > 1 && listed[P - 1] && cond(P - 1)))
#define ALL_IDLE (!busy[0] && !busy[P - 1])
#define IS_OPEN(p) (i_phase[p] != idle)
#define IS_RETRY(p) (word[p] == retry || word[p] == died)
#define NOT_WELL(p) (want[p] != none && word[p] != well)
#define STILL_OPEN(p) (i_phase[p] != idle && !lost[p])
/* sync_intent_save(); RULE 18: one that is to be tried again has left its intent open */
#define STAYS(p) (want[p] == none || word[p] == well || (word[p] == retry && RULE(18)))
#define DIFFERS(p) (generation[p] != current[p])

/* Start a worker for each project that needs one, and wait until all have ended. */
#define POOL(needs, why)                                                                          \
	atomic {                                                                                  \
		i = 0;                                                                            \
		do                                                                                \
		:: i < P && listed[i] && (needs) -> busy[i] = true; gone[i] = false; run worker(i, why); i++ \
		:: i < P && !(listed[i] && (needs)) -> i++                                        \
		:: i == P -> break                                                                \
		od;                                                                               \
		i = 0                                                                             \
	}                                                                                         \
	ALL_IDLE;                                                                                 \
	if :: dead -> goto start :: else fi
/* A step of the sync's own process. */
#define MAIN(effect)                                                                              \
	atomic {                                                                                  \
		if                                                                                \
		:: effect                                                                         \
		:: crashes > 0 -> crashes--; dead = true; goto start                              \
		fi                                                                                \
	}
#define EACH(effect) d_step { i = 0; do :: i < P -> effect; i++ :: else -> i = 0; break od }

/* generation_commit(): RULE 13: what `current` names is written before it does */
#define GENERATION                                                                                \
	if                                                                                        \
	:: RULE(13) -> MAIN(written = true); MAIN(c_number = !c_number; EACH(current[i] = generation[i])) \
	:: else -> MAIN(c_number = !c_number; EACH(current[i] = generation[i]); written = false); MAIN(written = true) \
	fi

proctype agent()
{
	byte i = 0;

start: /* a start: memory is empty; the guard let go of what a killed worker held, or (power cut) did not */
	atomic {
		if
		:: dead -> EACH(if :: i_phase[i] == snapshot && held[i] -> held[i] = false; containers[i] = old :: else fi)
		:: true
		fi;
		dead = false;
		EACH(gone[i] = false; listed[i] = false; word[i] = untouched)
	};
	/* recover.c */
	if
	:: s_open ->
		EACH(listed[i] = s_list[i] && !lost[i]); /* drop_closed() */
		if
		:: s_decided == commit && RULE(12) ->
			POOL(IS_OPEN(i), decided)
		:: else -> POOL(IS_OPEN(i), resume)
		fi;
		/* RULE 14: one that became good again, and was never decided, goes back */
		if :: RULE(14) -> POOL(word[i] == well, resume) :: else fi;
		if :: ANY(IS_RETRY) -> goto start :: else fi; /* the next start */
		/* RULE 15: also when this sync has made a generation already, and a trial was left open */
		if
		:: c_number != s_number || RULE(15) ->
			EACH(generation[i] = (listed[i] -> record[i] : current[i]));
			if :: DIFFERS(0) || DIFFERS(P - 1) -> GENERATION :: else fi
		:: else
		fi;
		MAIN(s_open = false)
	:: else
	fi;
	/* decide.c: the plan */
	EACH(word[i] = untouched;
	     listed[i] = current[i] != want[i] && !lost[i] && !m_failed[i] && m_attempts[i] < 2 && !hold);
	/* deploy.c: block_atomic() */
	if
	:: atomic_ && !rollback && ((current[0] != want[0] && !listed[0]) || (current[P - 1] != want[P - 1] && !listed[P - 1])) ->
		EACH(listed[i] = false)
	:: else
	fi;
	if :: !listed[0] && !listed[P - 1] -> goto end :: else fi;
	if :: rollback -> MAIN(hold = true) :: else fi; /* target_hold() */
	MAIN(s_open = true; s_number = !c_number; s_decided = undecided; EACH(s_list[i] = listed[i]));
	POOL(!atomic_ || rollback || want[i] != none, fresh);
	/* The guard of a worker that died alone lets go, and the next worker waits for that. */
	EACH(if :: word[i] == died && i_phase[i] == snapshot && held[i] -> held[i] = false; containers[i] = old :: else fi);
	POOL(word[i] == died, resume);
	EACH(if :: word[i] == died && listed[i] -> lost[i] = true; word[i] = degraded :: else fi);
	if
	:: atomic_ && !rollback ->
		/* finish_atomic(); RULE 12: one record decides for all */
		if
		:: ANY(NOT_WELL) ->
			MAIN(s_decided = back; EACH(s_list[i] = listed[i] && STAYS(i)));
			POOL(word[i] == well, finish_undo)
		:: else ->
			if :: RULE(12) -> MAIN(s_decided = commit; EACH(s_list[i] = listed[i] && STAYS(i))) :: else fi;
			POOL(word[i] == well, finish_commit);
			POOL(want[i] == none, fresh)
		fi
	:: else
	fi;
	/* commit.c */
	EACH(generation[i] = (listed[i] && word[i] == good -> record[i] : current[i]));
	if :: DIFFERS(0) || DIFFERS(P - 1) -> GENERATION :: else fi;
	if
	:: ANY(STILL_OPEN) && RULE(17) /* RULE 17: an open trial keeps its sync open */
	:: else -> MAIN(s_open = false)
	fi;
	goto start;

end:	ended = true
}

init {
	atomic {
		c_code {
			now.BREAK = getenv("BREAK") ? (int)strtol(getenv("BREAK"), 0, 10) : 0;
			now.crashes = getenv("CRASHES") ? (int)strtol(getenv("CRASHES"), 0, 10) : 1;
			now.bad = getenv("BAD") ? (int)strtol(getenv("BAD"), 0, 10) : 1;
		};
		byte i = 0;
		do
		:: i < P ->
			i_phase[i] = idle; i_stage[i] = unset; word[i] = untouched;
			record[i] = old; current[i] = old; generation[i] = old; containers[i] = old; files[i] = old;
			data[V(i, 0)] = old; data[V(i, 1)] = old;
			copy[V(i, 0)] = none; copy[V(i, 1)] = none; side[V(i, 0)] = none; side[V(i, 1)] = none;
			want[i] = new;
			i++
		:: else -> i = 0; break
		od;
		s_decided = undecided;
		written = true;
		if :: P == 1 -> volumes = true :: volumes = false fi; /* each project's own affair */
		if :: away = 1 :: stops = 1 :: P == 1 -> crowd = 1 fi;
		if
		:: atomic_ = true
		:: P == 1 -> rollback = true
		:: skip
		fi;
		if :: P > 1 -> want[P - 1] = none :: skip fi;
		ready = true;
		run agent()
	}
}

/* Whole: one content in every place, by every record. */
#define WHOLE(p) (lost[p] || (i_phase[p] == idle && \
	(!held[p] && containers[p] == record[p] && files[p] == record[p] && current[p] == record[p] && \
		     (record[p] == none || FINE(p, record[p])))))
#define SAME (!atomic_ || rollback || want[P - 1] == none || lost[0] || lost[P - 1] || (record[0] == old) == (record[P - 1] == old))
#define NAMES(p) (current[p] != new || judged[p])

#define PROMISE_2 (written && NAMES(0) && NAMES(P - 1))
#define PROMISE_4 ((s_open || !ALL_IDLE) || (WHOLE(0) && WHOLE(P - 1) && SAME))
/* 5, 8 and 10, and that nothing runs on data of another version, are assertions in `worker`. */
ltl promises { [] (ready -> (PROMISE_2 && PROMISE_4)) }
ltl ends     { <> ended }
