/* Recovery: a backup of the server's database is put back. One coupon, two devices, one ledger.

   Devices work as in journal.pml: a numbered journal each, taken in order, and holds. What is new here: the database may be copied at
   any time, and goes back to the newest copy (the first is of an empty one) at any time, up to RESTORES times. Then it recovers:
   nothing is granted, and nobody but the holder gives, until every device that it knows has reported (its journal is there to the end,
   and it has named the hold that it has: a grant newer than the ledger's is believed), and a manager has said that nobody is forgotten.

   Forgotten is a device that was enrolled after the backup: device 2 may be enrolled at any time. It is refused when it calls, and gives
   what it held until it has heard that. Enrolled anew it is another device with a journal of its own; what it wrote before is handed
   in, and booked when a manager admits it. The manager says what is true: everything that device 2 has written as a device that this
   ledger does not know is admitted, or there is no such thing. Whoever puts the backup back says at once if nobody was enrolled since;
   but where the backup is of a ledger that waits for the forgotten, it goes on waiting.

   A request may be lost, or be late and doubled: one such is on its way at a time, and comes as often as it likes, in the next life of
   the ledger too. An answer may be lost or slow, and outlive the server that gave it; but a device that asks anew has given up the
   answer before. Here this is needed (OVERTAKEN), in journal.pml it is not.

   Checked exhaustively, for journals of up to LEN entries:
     once      no two devices have given the coupon, counting apart what device 2 was before it was enrolled anew
     booked    when the server has all, the coupon is redeemed by the device that has given it, and by none if none has, and no second
               gift stands beside
     no burn   as in journal.pml
     not stuck when the server has all of a device's journal, no hold is this device's by a grant that it has given back

   Not here: write-offs (what a lost device gave is not promised; without one, no claim ever meets a newer grant, as was checked), tills,
   moves, coupons that were issued after the backup, and an older copy put back after a newer one. That a hold is asked back is not
   kept: any answer to the holder may ask.

   scripts/check-protocol runs it: journals of two entries (3.5 million states, 10 s, 0.5 GB), and with `long` of three (39 million, 150 s, 2 GB).

   Tempting shortcuts; with each, journals of two entries suffice for the checker to find an error:
     -DUNAWAITED  recovery ends although a device that the ledger knows has not reported
     -DFORGOTTEN  recovery ends without a word on devices that were enrolled after the backup
     -DUNADMITTED that word is given when these are enrolled anew, and what they wrote before is not admitted yet
     -DONLYSINCE  nobody was enrolled since this backup, so none is waited for: but the backup itself was of a ledger that recovered
     -DKEPT       a device that is enrolled anew keeps the hold that it had
     -DUNCLAIMED  a report without the hold
     -DUNFINISHED a report counts although the journal is not here to its end
     -DANYLIFE    a report to an earlier life of the ledger counts
     -DGRANTING   the server grants while it recovers
     -DOLDEPOCH   epochs go on where the backup left off: a release of the old life, admitted in the new one, ends another hold
     -DUNASKED    an ask that is admitted redeems, although nobody waits for its answer any more
     -DOVERTAKEN  a device believes an answer that it had given up */
#ifndef LEN
#define LEN 2
#endif
#ifndef RESTORES
#define RESTORES 2
#endif
#define EPOCHS (2 - (life > 0)) /* grants in each life                            */

#define ASK 1       /* as in journal.pml                                          */
#define GAVE 2
#define DROP 3
#define GAVEHELD 4
#define UNDO 5
#define RELEASE 6   /* and the epoch of the hold: RELEASE + epoch                 */

/* the devices' durable memory */
byte journal[7];          /* entry n of device d at (d-1)*LEN+n                   */
byte size[3];             /* entries in it                                        */
byte held[3];             /* epoch of the hold it has, 0 none                     */
byte released[3];         /* newest epoch that it gave back                       */
bool given[4];            /* its screen said: give; 3 is what device 2 was before */
bool asking[3];           /* its newest entry is an undecided ask                 */
bool enrolled = false;    /* device 2 has been enrolled                           */
bool refused = false;     /* it has heard that it is to be enrolled anew          */
byte retired = 0;         /* entries that it wrote before it was                  */

typedef Ledger {
  byte last[3];           /* entries it has of each device                        */
  byte redeemed;          /* 0 open, else the device whose redemption stands      */
  bool handed;            /* and that has said that the gift was handed over      */
  bool second[4];         /* the device's gift met another's redemption           */
  byte holder;            /* 0 nobody, else the device that holds the coupon      */
  byte epoch;             /* number of the newest grant                           */
  bool known;             /* it has a row of device 2 as that is now              */
  bool admitted;          /* what device 2 wrote before is booked                 */
  bool awaits;            /* nobody has said yet that none is forgotten           */
}
Ledger l;                 /* the server's database                                */
Ledger b;                 /* the copy of it                                       */
byte life = 0;            /* restores so far: the ledger's generation             */
bool recovering = false;
bool reported[3];

/* the network: a late request, and of each device what the answer to its newest one says */
byte late = 0;            /* whose, 0 none                                        */
byte lateSize, lateLife, lateClaim;
bool yes[3];              /* to the ask                                           */
byte grant[3];            /* epoch of a hold that is new to it                    */
byte recall[3];           /* epoch of the hold that it is to give back            */

#define entry(d, n) journal[((d) - 1) * LEN + (n)]
#define SAME(d) (l.redeemed == d || l.redeemed + d == 5) /* 3 acts as device 2    */
#define ALL_BOOKED (!enrolled || (l.known && (retired == 0 || l.admitted)))

#ifdef OLDEPOCH
#define above(n) n
#else
#define above(n) (n > life * 2 -> n : life * 2) /* and above all of the lives before */
#endif
#ifdef GRANTING
#define MAY_GRANT true
#else
#define MAY_GRANT (!recovering)
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
#define ASKS (d == w)     /* what is admitted asks for nothing any more           */
#endif
#ifdef OVERTAKEN
#define give_up(d) skip
#else
#define give_up(d) unhear(d)
#endif

inline open() {           /* a second gift stands now, if there is one            */
  l.redeemed = (l.second[1] -> 1 : (l.second[2] -> 2 : (l.second[3] -> 3 : 0)));
  l.second[l.redeemed] = false; l.handed = (l.redeemed != 0)
}

inline take(d, w, k) {    /* entry k of device w's journal, as an act of d        */
  if
  :: entry(w, k) == ASK ->
       if
       :: ASKS && l.redeemed == 0 && (l.holder == w || (l.holder == 0 && !recovering)) -> l.redeemed = d
       :: else
       fi
  :: entry(w, k) == GAVE || entry(w, k) == GAVEHELD ->
       if
       :: l.redeemed == 0 || (SAME(d) && !l.handed) -> l.redeemed = d; l.handed = true
       :: l.redeemed != 0 && !(SAME(d) && !l.handed) -> l.second[d] = true
       fi
  :: entry(w, k) == DROP -> if :: l.redeemed == d && !l.handed -> open() :: else fi
  :: entry(w, k) == UNDO ->
       if
       :: l.second[d] -> l.second[d] = false
       :: !l.second[d] && l.redeemed == d -> open()
       :: else
       fi
  :: entry(w, k) > RELEASE -> if :: l.holder == w && l.epoch == entry(w, k) - RELEASE -> l.holder = 0 :: else fi
  fi
}

inline serve(d, n, g, c) { /* its journal has n entries; it reports to life g, and holds by grant c */
  if
  :: do :: l.last[d] < n -> l.last[d]++; take(d, d, l.last[d]) :: else -> break od
  :: l.last[d] < n -> skip /* they stand behind a gap, for the server had more before */
  fi;
  if
  :: recovering && IS_PRESENT(g) && !reported[d] ->
#ifdef UNCLAIMED
#else
       if :: c > l.epoch -> l.holder = d; l.epoch = c :: else fi;
#endif
       if :: IS_ALL(d, n) -> reported[d] = true :: else fi
  :: else
  fi;
  if
  :: l.redeemed == 0 && l.holder == 0 && MAY_GRANT && above(l.epoch) < above(0) + EPOCHS ->
       if :: l.holder = d; l.epoch = above(l.epoch) + 1 :: skip fi
  :: else
  fi
}

inline unhear(d) { yes[d] = false; grant[d] = 0; recall[d] = 0 }
inline lose() { late = 0; lateSize = 0; lateLife = 0; lateClaim = 0 }

inline copy(to, from) {
  to.last[1] = from.last[1]; to.last[2] = from.last[2]; to.redeemed = from.redeemed; to.handed = from.handed;
  to.second[1] = from.second[1]; to.second[2] = from.second[2]; to.second[3] = from.second[3];
  to.holder = from.holder; to.epoch = from.epoch; to.known = from.known; to.admitted = from.admitted; to.awaits = from.awaits
}

inline forget_copy() {    /* it is not put back again: fewer states               */
  b.last[1] = 0; b.last[2] = 0; b.redeemed = 0; b.handed = false; b.second[1] = false; b.second[2] = false; b.second[3] = false;
  b.holder = 0; b.epoch = 0; b.known = false; b.admitted = false; b.awaits = false
}

proctype Server() {
  byte n;
  do
  :: atomic { late == 1 || (late == 2 && l.known) -> serve(late, lateSize, lateLife, lateClaim) }
  :: atomic { life < RESTORES -> copy(b, l) }
  :: atomic { life < RESTORES ->
       copy(l, b); life++; recovering = true; reported[1] = false; reported[2] = false;
       l.awaits = (AWAITS || (enrolled && !l.known)); /* no longer than is true: whoever puts it back says so */
       if :: life == RESTORES -> forget_copy() :: else fi }
  :: atomic { l.awaits && ALL_HERE -> l.awaits = false }
  :: atomic { recovering && ALL_REPORTED && NONE_FORGOTTEN ->
       recovering = false; l.awaits = false; reported[1] = false; reported[2] = false;
       if :: life == RESTORES -> lateLife = 0; lateClaim = 0 :: else fi }
  :: atomic { !enrolled -> enrolled = true; l.known = true; reported[2] = recovering }
  :: atomic { refused && !l.known -> /* enrolled anew: it is another device, and begins a journal */
       l.known = true; reported[2] = recovering; retired = size[2]; l.last[2] = retired;
       given[3] = given[3] || given[2]; given[2] = false; asking[2] = false; released[2] = 0;
#ifdef KEPT
#else
       held[2] = 0;
#endif
       refused = false; unhear(2); if :: late == 2 -> lose() :: else fi }
  :: atomic { l.known && retired != 0 && !l.admitted ->
       do :: n < retired -> n++; take(3, 2, n) :: else -> break od; n = 0; l.admitted = true }
  od
}

#define write(what) size[me]++; entry(me, size[me]) = what
#define WORKS (me == 1 || (enrolled && !refused))
#define REPORT (life * (recovering && !reported[me] && (me == 1 || l.known))) /* as it has just been asked to */
#define CLAIM (held[me] * (REPORT != 0))

proctype Device(byte me) {
  do
  :: atomic { WORKS && (me == 1 || l.known) -> give_up(me); serve(me, size[me], REPORT, CLAIM);
       if
       :: l.holder == me && l.epoch > released[me] -> if :: recall[me] = l.epoch; grant[me] = 0 :: l.epoch > held[me] -> grant[me] = l.epoch; recall[me] = 0 :: skip fi
       :: else
       fi;
       if :: asking[me] && l.last[me] == size[me] && l.redeemed == me -> yes[me] = true :: else fi }
  :: atomic { me == 2 && WORKS && !l.known -> unhear(me); refused = true }
  :: atomic { WORKS && (late == 0 || late == me) -> give_up(me); late = me; lateSize = size[me]; lateLife = REPORT; lateClaim = CLAIM }
  :: atomic { late == me -> lose() }
  :: atomic { WORKS && !given[me] && !asking[me] && size[me] < LEN -> write(ASK); asking[me] = true }
  :: atomic { asking[me] && size[me] < LEN -> write(DROP); asking[me] = false; yes[me] = false }
  :: atomic { yes[me] && asking[me] && size[me] < LEN -> yes[me] = false; write(GAVE); given[me] = true; asking[me] = false }
  :: atomic { WORKS && held[me] != 0 && !given[me] && !asking[me] && size[me] < LEN -> write(GAVEHELD); given[me] = true }
  :: atomic { given[me] && size[me] < LEN -> write(UNDO); given[me] = false }
  :: atomic { grant[me] != 0 -> held[me] = grant[me]; grant[me] = 0 }
  :: atomic { recall[me] != 0 && !asking[me] && size[me] < LEN ->
       released[me] = recall[me]; write(RELEASE + recall[me]); if :: held[me] <= released[me] -> held[me] = 0 :: else fi; recall[me] = 0 }
  od
}

init { atomic { run Server(); run Device(1); run Device(2) } }
#define TWICE ((given[1] && given[2]) || (given[3] && (given[1] || given[2])))
#define HEARD (l.last[1] == size[1] && l.last[2] == size[2] && ALL_BOOKED && !asking[1] && !asking[2])
#define UNBOOKED(d) (given[d] && l.redeemed != d)
#define BURNED(d) (l.redeemed == d && l.last[d] == size[d] && !given[d] && !asking[d])
#define STUCK(d) (l.holder == d && l.last[d] == size[d] && l.epoch <= released[d])
#define WRONG (l.second[1] || l.second[2] || l.second[3] || UNBOOKED(1) || UNBOOKED(2) || UNBOOKED(3) || (l.redeemed == 3 && !given[3]))
ltl once { [] (!TWICE && !(HEARD && WRONG) && !BURNED(1) && !BURNED(2) && !STUCK(1) && !STUCK(2)) }
