/* The model of recovery after a restore from a backup: one coupon, two devices, one ledger.

   Devices work as in journal.pml, with numbered journals that are taken in order, and holds. In addition, the database may be copied at
   any time, and may be restored from the newest copy (the first is of an empty database) at any time, up to RESTORES times. Then it
   recovers: nothing is granted, and only the holder gives, until every device that it knows has reported, and a manager has said that
   no device is forgotten. A device has reported once the server has its whole journal and its claim, which is the hold that it knows
   of. A claim newer than the ledger's grant is believed.

   A forgotten device is one that was enrolled after the backup. Device 2 may be enrolled at any time. If it is forgotten, its requests
   are refused, and until it has received a refusal it gives what it held. Enrolled again, it is another device with a journal of its
   own. Its old journal is handed in, and is booked once a manager admits it. The manager tells the truth: that everything device 2
   wrote as a device unknown to this ledger is admitted, or that there is no such device. Whoever restores the backup may say at once
   that nobody was enrolled since, but if the backup is of a ledger that waits for forgotten devices, it goes on waiting.

   With LIES=1 there is a third device, and it lies. At any time it says that it gave, shows no grant, and takes that back; while the ledger
   recovers it claims the hold of the greatest epoch, and releases it. Such a gift is contested: it stands if nothing stands and nobody
   else holds, gives way to a gift under a grant or a yes, and to a hold whose grant is shown. Nothing that it says is awaited. (A grant
   that reaches its device another way is a hold that the device knows of: it claims it, whatever newest epoch it says it has heard of.)

   With OLD=1 the first copy may be put back after all restores without a recovery, as if it were the ledger. A gift under a hold of a
   later generation proves that it is old: nothing of that journal is taken, and nothing new is granted or answered yes. What an old copy
   did before is not undone, so only this is promised of it: if no other device had a right to give by then, none gives. A receipt of
   entries that the copy lacks proves the same, to the same effect and sooner: it is not modelled apart.

   With VOIDS=1 the shop may void the coupon once in each life of the ledger. If it is held, the void is requested and the hold recalled, and
   the release does what was requested. A claim that is believed keeps the recall; if the void has happened, it is only requested from then
   on, for the device had the hold before.

   With YOUNG=1 the campaign, or the key that signed the coupon, is made at any time, so the backup may lack it. Then no entry about the
   coupon can be read. With a grant or a yes a device has got a copy of the campaign that the ledger has sealed. It hands that in with its
   report, or with its old journal. Until then entries of a device that has not reported wait.

   A request may be lost, delayed or duplicated. One delayed request exists at a time, and may arrive any number of times, also in the
   next generation of the ledger. An answer may be lost or delayed, and may arrive after the server was restored. A device that sends a
   new request ignores answers to earlier ones. That is needed here (OVERTAKEN), but not in journal.pml.

   Checked exhaustively, for journals of up to LEN entries:
     once      at no time have two devices given the coupon and not undone it. Device 2 counts as two: before and after it was
               enrolled again
     booked    once the server has everything, the coupon is redeemed by the device that has given it, or by none if none has, and
               there is no second gift
     no burn   as in journal.pml
     not stuck once the server has all of a device's journal, the device holds nothing by a grant that it has released
     no loss   once recovery has ended, who believes to hold the coupon holds it. So it is granted to nobody else
     no block  no contested gift stands while another device holds
     asked     who holds a void coupon is asked to give it back, and a void waits only for a holder

   Not modelled: write-offs (what a lost device gave is not promised; without write-offs no claim meets a newer grant, as was checked),
   tills, moves, coupons that were issued after the backup, and a restore from an older copy after one from a newer copy. That a hold
   was recalled for another reason than a void is not stored: any answer to the holder may recall it.

   scripts/check-protocol runs it: journals of two entries (3.5 million states, 10 s, 0.5 GB), the same with lies and one restore (1.3
   million, 8 s, 0.3 GB), with an old copy and one restore (1.1 million, 0.3 GB), and with `long` journals of three (39 million, 150 s, 2 GB).

   Tempting shortcuts. With each of them the checker finds an error in journals of two entries:
     -DUNAWAITED  recovery ends although a known device has not reported
     -DFORGOTTEN  recovery ends although nobody has said that no device is forgotten
     -DUNADMITTED this is said once forgotten devices are enrolled again, before their old journals are admitted
     -DONLYSINCE  it is said because nobody was enrolled since this backup, although the backup is of a ledger that was recovering
     -DKEPT       a device that is enrolled again keeps its hold
     -DUNCLAIMED  a report has no claim
     -DUNFINISHED a report counts although the server does not have the whole journal
     -DANYLIFE    a report to an earlier generation counts
     -DGRANTING   the server grants while it recovers
     -DOLDEPOCH   epochs continue from the backup, so that a release from before, once admitted, ends a newer hold
     -DANYRELEASE a release ends whatever hold its device has, and not only the one of its epoch
     -DUNASKED    an ask that is admitted redeems the coupon, although nobody waits for its answer
     -DOVERTAKEN  a device believes an answer to an earlier request
   with a void:
     -DRECALL_LOST a claim ends the recall
     -DVOID_STAYS  a claim leaves a void that has happened as it is, so that nobody asks the holder
   with a young campaign:
     -DUNSEALED   a report has no sealed copy of the campaign
     -DUNREAD     entries that the ledger can't read are taken before the report
   with an old copy:
     -DOLD_COPY_GRANTS an old copy goes on granting after a device has shown a grant of a later generation
   and with lies:
     -DNO_DISPLACEMENT      a gift under a grant or a yes is the second one where a contested gift stands
     -DCONTESTED_STAYS      a contested gift goes on standing when another device shows its grant
     -DCLAIM_BY_EPOCH_ALONE a claim with its grant takes the hold only by a greater epoch
     -DUNSIGNED_CLAIM_WINS  a claim without a grant takes the hold by a greater epoch
     -DUNSIGNED_CLAIM_ASKS  while the ledger recovers, a claim without a grant is enough for a yes */
#ifndef LEN
#define LEN 2
#endif
#ifndef RESTORES
#define RESTORES 2
#endif
#ifndef LIES
#define LIES 0
#endif
#ifndef OLD
#define OLD 0
#endif
#ifndef YOUNG
#define YOUNG 0
#endif
#ifndef VOIDS
#define VOIDS 0
#endif
#define EPOCHS (2 - (GENERATION > 0)) /* grants in each life                      */
#define GENERATION (old -> 0 : life)  /* an old copy is of the first generation   */

#define ASK 1       /* as in journal.pml                                          */
#define GAVE 2
#define DROP 3
#define GAVEHELD 4
#define UNDO 5
#define RELEASE 6   /* and the epoch of the hold: RELEASE + epoch                 */

#define LIE 4       /* what the liar says that it gave, as a gift                 */
#define LIARS_YES 5 /* what it gave on a yes                                      */

/* the devices' durable memory */
byte journal[7];          /* entry n of device d at (d-1)*LEN+n                   */
byte size[3];             /* entries in it                                        */
byte held[3];             /* epoch of its hold, 0 none                            */
byte released[3];         /* newest epoch that it released                        */
bool given[4];            /* its screen said to hand over; 3 is the old device 2  */
bool asking[3];           /* its newest entry is an undecided ask                 */
bool enrolled = false;    /* device 2 has been enrolled                           */
bool seal[3];             /* it has a sealed copy of the campaign                  */
bool made = false;        /* the shop has made the campaign, which it does once   */
bool refused = false;     /* device 2 knows that it must be enrolled again        */
byte retired = 0;         /* entries of device 2 in its old journal               */

typedef Ledger {
  byte last[3];           /* entries it has of each device                        */
  byte redeemed;          /* 0 open, else the device whose redemption stands, LIE or LIARS_YES */
  bool handed;            /* and that device reported that it was handed over     */
  bool second[5];         /* the device gave while another's redemption stood     */
  byte holder;            /* 0 none, else the device that holds the coupon        */
  byte epoch;             /* number of the newest grant                           */
  bool unproved;          /* of that grant there is no proof, only a claim        */
  bool known;             /* it has a row of device 2 as it is now enrolled       */
  bool admitted;          /* the old journal of device 2 is booked                */
  bool awaits;            /* nobody has said yet that no device is forgotten      */
  bool campaign;          /* it has the campaign                                  */
  byte voided;            /* 0 no, 1 requested, 2 it has happened                 */
  bool recalled;          /* the holder is asked to give the hold back, for a void */
}
Ledger l;                 /* the server's database                                */
Ledger b;                 /* the copy of it                                       */
byte life = 0;            /* restores so far: the ledger's generation             */
bool recovering = false;
bool reported[3];
bool old = false;         /* the server runs on an old copy, and nobody has said so */
bool behind = false;      /* a device has shown a grant of a later generation     */
bool in_time = false;     /* and no other device had a right to give by then      */

/* the network: one delayed request, and for each device the answer to its newest request */
byte late = 0;            /* the device that sent it, 0 none                      */
byte lateSize, lateLife, lateClaim;
bool lateSeal;
bool yes[3];              /* to the ask                                           */
byte grant[3];            /* epoch of a hold that is new to it                    */
byte recall[3];           /* epoch of the hold that it is to release              */

#define entry(d, n) journal[((d) - 1) * LEN + (n)]
#define SAME(d) (l.redeemed == d || (d > 1 && l.redeemed + d == 5)) /* 3 acts as device 2 */
#define ALL_BOOKED (!enrolled || (l.known && (retired == 0 || l.admitted)))

#ifdef OLDEPOCH
#define above(n) n
#else
#define above(n) (n > GENERATION * 2 -> n : GENERATION * 2) /* and greater than in all earlier generations */
#endif
#ifdef OLD_COPY_GRANTS
#define STOPS false
#else
#define STOPS true
#endif
#ifdef GRANTING
#define MAY_GRANT true
#else
#define MAY_GRANT (!recovering && !(behind && STOPS))
#endif
#ifdef UNAWAITED
#define ALL_REPORTED true
#else
#define ALL_REPORTED (reported[1] && (!l.known || reported[2]))
#endif
#ifdef FORGOTTEN
#define NONE_FORGOTTEN true
#else
#define NONE_FORGOTTEN (!l.awaits)
#endif
#ifdef UNADMITTED
#define ALL_HERE (!enrolled || l.known)
#else
#define ALL_HERE ALL_BOOKED
#endif
#ifdef ONLYSINCE
#define AWAITS false
#else
#define AWAITS l.awaits
#endif
#ifdef ANYLIFE
#define IS_PRESENT(g) (g != 0)
#else
#define IS_PRESENT(g) (g == life)
#endif
#ifdef UNFINISHED
#define IS_ALL(d, n) true
#else
#define IS_ALL(d, n) (l.last[d] == n)
#endif
#ifdef UNASKED
#define ASKS true
#else
#define ASKS (d == w)     /* an admitted ask does not redeem                      */
#endif
#ifdef ANYRELEASE
#define IS_OF(epoch_) true
#else
#define IS_OF(epoch_) (l.epoch == epoch_)
#endif
#ifdef OVERTAKEN
#define give_up(d) skip
#else
#define give_up(d) unhear(d)
#endif

#ifdef NO_DISPLACEMENT
#define GIVES_WAY false
#else
#define GIVES_WAY (l.redeemed == LIE)
#endif
#ifdef CLAIM_BY_EPOCH_ALONE
#define PROOF_BEATS false
#else
#define PROOF_BEATS l.unproved
#endif
#ifdef UNSIGNED_CLAIM_WINS
#define MAY_CLAIM (l.epoch < above(0))
#else
#define MAY_CLAIM (l.epoch < above(0) && (l.holder == 0 || l.holder == LIE))
#endif
#ifdef UNSIGNED_CLAIM_ASKS
#define MAY_ASK true
#else
#define MAY_ASK (!(recovering && l.unproved))
#endif
#ifdef CONTESTED_STAYS
#define make_way() skip
#else
#define make_way() if :: l.redeemed == LIE -> l.redeemed = 0; l.handed = false; l.second[LIE] = true :: else fi
#endif
#define MAY_STAND (l.holder == 0 || l.holder == LIE)

#ifdef RECALL_LOST
#define KEEPS_RECALL false
#else
#define KEEPS_RECALL (l.voided == 1)
#endif
#ifdef VOID_STAYS
#define MAY_WAIT_AGAIN false
#else
#define MAY_WAIT_AGAIN (l.voided == 2)
#endif
#define KNOWN (!YOUNG || l.campaign)
#ifdef UNREAD
#define MAY_READ(d, g) true
#else
#define MAY_READ(d, g) (KNOWN || !recovering || reported[d] || g == life)
#endif
#ifdef UNSEALED
#define open_seal(s) skip
#else
#define open_seal(s) if :: s -> l.campaign = true :: else fi
#endif
#define keep_recall() if :: MAY_WAIT_AGAIN -> l.voided = 1; l.recalled = true :: else -> l.recalled = KEEPS_RECALL fi
#define do_what_waited() if :: l.voided == 1 && l.holder == 0 && l.redeemed == 0 -> l.voided = 2 :: else fi

inline open() {           /* a second gift stands now, if there is one            */
  l.redeemed = (l.second[1] -> 1 : (l.second[2] -> 2 : (l.second[3] -> 3 : (l.second[LIE] && MAY_STAND -> LIE : 0))));
  l.second[l.redeemed] = false; l.handed = (l.redeemed != 0); do_what_waited()
}

inline take(d, w, k) {    /* entry k of device w's journal, as an act of d        */
  if
  :: !KNOWN -> skip       /* it can't be read: the answer says that the coupon is unknown */
  :: KNOWN && entry(w, k) == ASK ->
       if
       :: ASKS && l.redeemed == 0 && (l.voided == 0 || (l.voided == 1 && l.holder == w)) && (l.holder == w || (l.holder == 0 && MAY_GRANT)) -> l.redeemed = d
       :: else
       fi
  :: KNOWN && (entry(w, k) == GAVE || entry(w, k) == GAVEHELD) ->
       if
       :: l.redeemed == 0 || (SAME(d) && !l.handed) -> l.redeemed = d; l.handed = true
       :: GIVES_WAY -> l.redeemed = d; l.second[LIE] = true
       :: l.redeemed != 0 && !(SAME(d) && !l.handed) && !GIVES_WAY -> l.second[d] = true
       fi
  :: KNOWN && entry(w, k) == DROP -> if :: l.redeemed == d && !l.handed -> open() :: else fi
  :: KNOWN && entry(w, k) == UNDO ->
       if
       :: l.second[d] -> l.second[d] = false
       :: !l.second[d] && l.redeemed == d -> open()
       :: else
       fi
  :: KNOWN && entry(w, k) > RELEASE -> if :: l.holder == w && IS_OF(entry(w, k) - RELEASE) -> l.holder = 0; l.recalled = false; do_what_waited() :: else fi
  fi
}

inline serve(d, n, g, c, s) { /* its journal has n entries, it reports to generation g (0: no report), claims the hold of epoch c, and shows a sealed copy */
  open_seal(s);
  if
  :: old && l.last[d] < n && held[d] > 2 && given[d] -> /* it shows its grant: nothing is taken */
       if :: !behind -> behind = true; in_time = (l.redeemed == 0 && (l.holder == 0 || l.holder == d) && !given[3 - d] && !given[3] && held[3 - d] == 0 && grant[3 - d] == 0 && !yes[3 - d]) :: else fi
  :: !(old && held[d] > 2 && given[d]) && MAY_READ(d, g) -> do :: l.last[d] < n -> l.last[d]++; take(d, d, l.last[d]) :: else -> break od
  :: !old && (l.last[d] < n || !MAY_READ(d, g)) -> skip /* it waits; or before the restore the server had more of the journal, so entries are missing: a gap */
  fi;
  if
  :: recovering && IS_PRESENT(g) && !reported[d] ->
#ifdef UNCLAIMED
#else
       if :: c > l.epoch || (c != 0 && PROOF_BEATS) -> l.holder = d; l.epoch = c; l.unproved = false; keep_recall(); make_way() :: else fi;
#endif
       if :: IS_ALL(d, n) -> reported[d] = true :: else fi
  :: else
  fi;
  if
  :: KNOWN && l.redeemed == 0 && l.voided == 0 && l.holder == 0 && MAY_GRANT && above(l.epoch) < above(0) + EPOCHS ->
       if :: l.holder = d; l.epoch = above(l.epoch) + 1; l.unproved = false :: skip fi
  :: else
  fi
}

inline unhear(d) { yes[d] = false; grant[d] = 0; recall[d] = 0 }
inline lose() { late = 0; lateSize = 0; lateLife = 0; lateClaim = 0; lateSeal = false }

inline copy(to, from) {
  to.last[1] = from.last[1]; to.last[2] = from.last[2]; to.redeemed = from.redeemed; to.handed = from.handed;
  to.second[1] = from.second[1]; to.second[2] = from.second[2]; to.second[3] = from.second[3]; to.second[LIE] = from.second[LIE]; to.unproved = from.unproved;
  to.holder = from.holder; to.epoch = from.epoch; to.known = from.known; to.admitted = from.admitted; to.awaits = from.awaits;
  to.campaign = from.campaign; to.voided = from.voided; to.recalled = from.recalled
}

inline forget_copy() {    /* it will not be restored again: fewer states          */
  b.last[1] = 0; b.last[2] = 0; b.redeemed = 0; b.handed = false; b.second[1] = false; b.second[2] = false; b.second[3] = false; b.second[LIE] = false; b.unproved = false;
  b.holder = 0; b.epoch = 0; b.known = false; b.admitted = false; b.awaits = false; b.campaign = false; b.voided = 0; b.recalled = false
}

proctype Server() {
  byte n;
  do
  :: atomic { late == 1 || (late == 2 && l.known) -> serve(late, lateSize, lateLife, lateClaim, lateSeal) }
  :: atomic { life < RESTORES -> copy(b, l) }
  :: atomic { life < RESTORES ->
       copy(l, b); life++; recovering = true; reported[1] = false; reported[2] = false;
       l.awaits = (AWAITS || (enrolled && !l.known)); /* whoever restores says at once if no device is forgotten */
       if :: life == RESTORES -> forget_copy() :: else fi }
  :: atomic { OLD && life == RESTORES && !recovering && !old -> copy(l, b); old = true } /* the first copy is put back, and not by "flask restore" */
  :: atomic { l.awaits && ALL_HERE -> l.awaits = false }
  :: atomic { YOUNG && !made -> made = true; l.campaign = true }
  :: atomic { VOIDS && l.voided == 0 && l.redeemed == 0 -> if :: l.holder != 0 -> l.voided = 1; l.recalled = true :: else -> l.voided = 2 fi }
  :: atomic { recovering && ALL_REPORTED && NONE_FORGOTTEN ->
       recovering = false; l.awaits = false; reported[1] = false; reported[2] = false;
       if :: life == RESTORES -> lateLife = 0; lateClaim = 0; lateSeal = false :: else fi }
  :: atomic { !enrolled -> enrolled = true; l.known = true; reported[2] = recovering }
  :: atomic { refused && !l.known -> /* enrolled again: it is another device with a new journal */
       l.known = true; reported[2] = recovering; retired = size[2]; l.last[2] = retired;
       given[3] = given[3] || given[2]; given[2] = false; asking[2] = false; released[2] = 0;
#ifdef KEPT
#else
       held[2] = 0;
#endif
       refused = false; unhear(2); if :: late == 2 -> lose() :: else fi }
  :: atomic { l.known && retired != 0 && !l.admitted ->
       open_seal(seal[2]);
       do :: n < retired -> n++; take(3, 2, n) :: else -> break od; n = 0; l.admitted = true }
  od
}

#define write(what) size[me]++; entry(me, size[me]) = what
#define WORKS (me == 1 || (enrolled && !refused))
#define REPORT (life * (recovering && !reported[me] && (me == 1 || l.known))) /* as the server has just requested */
#define CLAIM (held[me] * (REPORT != 0))
#define SEAL (seal[me] && REPORT != 0)

#define learn_seal(d) if :: YOUNG -> seal[d] = true :: else fi

proctype Device(byte me) {
  do
  :: atomic { WORKS && (me == 1 || l.known) -> give_up(me); serve(me, size[me], REPORT, CLAIM, SEAL);
       if
       :: l.holder == me && l.epoch > released[me] -> if :: recall[me] = l.epoch; grant[me] = 0 :: l.epoch > held[me] -> grant[me] = l.epoch; recall[me] = 0 :: skip fi
       :: else
       fi;
       if :: asking[me] && l.last[me] == size[me] && l.redeemed == me -> yes[me] = true :: else fi }
  :: atomic { me == 2 && WORKS && !l.known -> unhear(me); refused = true }
  :: atomic { WORKS && (late == 0 || late == me) -> give_up(me); late = me; lateSize = size[me]; lateLife = REPORT; lateClaim = CLAIM; lateSeal = SEAL }
  :: atomic { late == me -> lose() }
  :: atomic { WORKS && !given[me] && !asking[me] && size[me] < LEN -> write(ASK); asking[me] = true }
  :: atomic { asking[me] && size[me] < LEN -> write(DROP); asking[me] = false; yes[me] = false }
  :: atomic { yes[me] && asking[me] && size[me] < LEN -> yes[me] = false; learn_seal(me); write(GAVE); given[me] = true; asking[me] = false }
  :: atomic { WORKS && held[me] != 0 && !given[me] && !asking[me] && size[me] < LEN -> write(GAVEHELD); given[me] = true }
  :: atomic { given[me] && size[me] < LEN -> write(UNDO); given[me] = false }
  :: atomic { grant[me] != 0 -> learn_seal(me); held[me] = grant[me]; grant[me] = 0 }
  :: atomic { recall[me] != 0 && !asking[me] && size[me] < LEN ->
       released[me] = recall[me]; write(RELEASE + recall[me]); if :: held[me] <= released[me] -> held[me] = 0 :: else fi; recall[me] = 0 }
  od
}

proctype Liar() {         /* a device of which nothing is awaited, and whose requests arrive at any time */
  do
  :: atomic { l.redeemed != LIE && !l.second[LIE] -> if :: l.redeemed == 0 && MAY_STAND -> l.redeemed = LIE; l.handed = true :: else -> l.second[LIE] = true fi }
  :: atomic { l.redeemed == LIE -> open() }
  :: atomic { l.second[LIE] -> l.second[LIE] = false }
  :: atomic { recovering && MAY_CLAIM -> l.holder = LIE; l.epoch = above(0); l.unproved = true }
  :: atomic { l.holder == LIE -> l.holder = 0 }
  :: atomic { l.holder == LIE && l.redeemed == 0 && MAY_ASK -> l.redeemed = LIARS_YES; l.handed = true }
  od
}

#if LIES
#define run_liar() run Liar()
#else
#define run_liar() skip
#endif
init { atomic { run Server(); run Device(1); run Device(2); run_liar() } }
#define TWICE ((given[1] && given[2]) || (given[3] && (given[1] || given[2])))
#define HEARD (l.last[1] == size[1] && l.last[2] == size[2] && ALL_BOOKED && !asking[1] && !asking[2])
#define UNBOOKED(d) (given[d] && l.redeemed != d)
#define BURNED(d) (l.redeemed == d && l.last[d] == size[d] && !given[d] && !asking[d])
#define STUCK(d) (l.holder == d && l.last[d] == size[d] && l.epoch <= released[d])
#define WRONG (l.second[1] || l.second[2] || l.second[3] || UNBOOKED(1) || UNBOOKED(2) || UNBOOKED(3) || (l.redeemed == 3 && !given[3]))
#define LOST_HOLD(d) (!recovering && held[d] != 0 && l.holder != d)
#define BLOCKED (l.redeemed == LIE && !MAY_STAND)
#define NOT_ASKED (l.voided != 0 && l.holder != 0 && !(l.voided == 1 && l.recalled))
#define WAITS_FOR_NOBODY (l.voided == 1 && l.holder == 0 && l.redeemed == 0)
#define SAFE (!NOT_ASKED && !WAITS_FOR_NOBODY && !TWICE && !(HEARD && WRONG) && !BURNED(1) && !BURNED(2) && !STUCK(1) && !STUCK(2) && !LOST_HOLD(1) && !LOST_HOLD(2) && !BLOCKED)
ltl once { [] ((old && !(in_time && TWICE)) || (!old && SAFE)) }
