/* The model of journals and holds: one coupon, two devices, one server.

   All that a device does is an entry of its own numbered journal, and is durable before anything else happens. The only
   request is "here is my journal from where you have it". The server takes the entries strictly in order, each once, and
   repeats its answer to those that it has. Offline, only the holder gives. A hold ends only by the holder's own entry.
   Nothing reads a clock: safety rests on order and on who holds. See docs/protocol.md.

   The network may lose, duplicate, delay and reorder every message. A device may go offline for ever.

   Checked exhaustively, for journals of up to LEN entries and EPOCHS grants:
     once     at no time have both devices given the coupon and not undone it, and no entry is a second gift
     no burn  once the server has all of a device's journal, the coupon is redeemed by that device only if
              the device has given it or is still asking

     booked   once the server has all of a device's journal, a gift that it gave stands and is owed
     no faith no contested gift is owed, and at most one gift is; none stands while another device holds

   With LIES=1 device 2 lies once: it writes that it gave under a hold when it has none, at any time, and may take that back. The server
   takes this for a gift if it knows that device 2 holds. Otherwise the gift is contested: it stands if nothing stands and nobody else
   holds, or else is recorded as the second. Of device 2 no burn and booked are not promised then. An honest gift never meets a contested
   one that stands here, for nobody gives what is redeemed; after a restore it does (recovery.pml).

   With RISKS=1 device 2 gives once at risk, without a hold and without asking. Then a second gift is possible: once is not promised, and a
   gift is booked if it stands or is recorded as the second. So is a gift that is admitted after its device was written off. Promised is:
     recalled whenever a redemption stands beside another device's hold, that hold is recalled
     knew     no device gives under a hold after it has heard that another device's redemption stands beside it

   With SHRINKS=1 one device's journal loses entries once: its storage is damaged, cut or put back to an earlier state. The device notices,
   stops, and keeps what it holds; what the server has it has. Once holds as before, and no device gives again what it has given itself and
   does not know of. Of a device that has stopped no burn is not promised: a manager decides.

   With DECIDES=1 a manager decides once about a pending gift, one that a device was told to give and has not reported: it was never given.
   Then the coupon is open, and a second gift is possible, for the device may have given. Once is not promised, and its report is recorded
   and not owed. Promised is:
     told     no device is told to give on an ask of which that was decided

   scripts/check-protocol runs it: journals of three entries (17.9 million states, 60 s), journals of two with a lie (3.2 million, 12 s),
   of two with a gift at risk (2.6 million, 12 s), of two where one shrinks (6.5 million, 19 s), of two with a decision (4.2 million, 15 s), and
   with `long` journals of four (144 million states in 6.5 GB, eight minutes of a core). Do not build with -DCOLLAPSE: it hides errors here.

   The server may recall a hold at any time: the shop voids the coupon or changes its home, or a clerk elsewhere asks for it.

   Tempting shortcuts. With each of them the checker finds an error in journals of three entries:
     -DLEASE     a hold expires by time
     -DSTALE     a device believes a grant that it has released
     -DUNORDERED the server takes the newest entry without those before it
     -DRERUN     the server runs the rules again for an entry that it has, instead of repeating its answer
     -DLATE      a device gives on a yes that comes after it gave up
     -DFORGET    a device that gives up does not write an entry
     -DQUIET     a device releases its hold before the server has the entries that it wrote under it
   and with a lie in journals of two:
     -DUNJUDGED  a gift that is reported is believed
     -DCONTESTED_OWED a contested gift is owed while it stands
     -DCONTESTED_BLOCKS_HOLDER a contested gift stands although another device holds
   and with a gift at risk:
     -DUNRECALLED      a redemption beside another device's hold recalls nothing
     -DHOLD_BEATS_LIST a device gives what it holds, whatever its list says of the coupon since
   and with a journal that loses entries:
     -DGOES_ON   the device goes on with what is left of its journal
   and with a decision:
     -DYES_AFTER_DECISION the first answer to an ask is repeated, whatever was decided since
     -DGAVE_UNHEARD       what a device reports of an ask is dropped, once that was decided */
#ifndef LEN
#define LEN 4
#endif
#ifndef EPOCHS
#define EPOCHS 2
#endif
#ifndef LIES
#define LIES 0
#endif
#ifndef RISKS
#define RISKS 0
#endif
#ifndef SHRINKS
#define SHRINKS 0
#endif

#ifndef DECIDES
#define DECIDES 0
#endif

#define ASK 1       /* asks whether it may give (the clerk tapped Give)    */
#define GAVE 2      /* given: the newest ask was answered with yes         */
#define DROP 3      /* gave up on the newest ask: "not confirmed"          */
#define GAVEHELD 4  /* given under a hold, no network needed               */
#define UNDO 5      /* taken back                                          */
#define RELEASE 6   /* the hold is released                                */
#define LIE 7       /* GAVEHELD of a device that has no hold               */
#define UNLIE 8     /* taken back                                          */
#define ATRISK 9    /* given without a hold and without asking             */

#define LIAR 3      /* the lie of device 2, as a gift                      */

/* the devices' durable memory */
byte journal[15];         /* entry n of device d at d*5+n                         */
byte size[3];             /* entries in it                                        */
byte held[3];             /* epoch of its hold, 0 none                            */
byte released[3];         /* newest epoch that it released                        */
bool given[3];            /* its screen said to hand the gift over                */
byte lies = 0;            /* that device 2 has told                               */
byte risks = 0;           /* that device 2 has taken                              */
byte listed[3];           /* newest epoch of which its list says that another gave */
bool knew = false;        /* a device gave under a hold of which its list says so */
bool asking[3];           /* its newest ask is undecided                          */
byte shrinks = 0;         /* how often a journal has lost entries                 */
bool stopped[3];          /* it has noticed that, and gives nothing more          */
bool forgotten[3];        /* a gift of it is out, and the entry is lost           */
byte asked[3];            /* number of that ask                                   */

/* the server's database */
byte last[3];             /* entries it has of each device                        */
byte yes[3];              /* asks it answered with yes, a bit each                */
byte redeemed = 0;        /* 0 open, else the device whose redemption stands, or LIAR */
bool owed[4];             /* the device's gift is owed; 3 is the lie              */
bool contested = false;   /* the lie is recorded as a contested gift              */
bool second = false;      /* the lie is recorded, and does not stand              */
byte holder = 0;          /* 0 none, else the device that holds the coupon        */
byte epoch = 0;           /* number of the newest grant                           */
bool recall = false;      /* the hold is recalled                                 */
bool conflict = false;    /* a device gave while another's redemption stood       */
bool denied[3];           /* of its newest ask it was decided that nothing was given */
byte decisions = 0;       /* of a manager                                         */
bool told = false;        /* a device was told to give on an ask that is denied   */
bool beside[3];           /* the same, recorded: a gift at risk made it possible  */

chan up = [2] of { byte, byte };                    /* device, entries            */
chan down = [2] of { byte, byte, bool, byte, bool, bool }; /* device, ask, yes, epoch, recall, list */

#define entry(d, n) journal[(d) * 5 + (n)]

proctype Network() {
  byte d, n, e; bool y, r, l;
  do
  :: atomic { up?d,n -> if :: skip :: up!d,n :: up!d,n; if :: nfull(up) -> up!d,n :: full(up) fi fi; d = 0; n = 0 }
  :: atomic { down?d,n,y,e,r,l -> if :: skip :: down!d,n,y,e,r,l :: down!d,n,y,e,r,l; if :: nfull(down) -> down!d,n,y,e,r,l :: full(down) fi fi; d = 0; n = 0; y = false; e = 0; r = false; l = false }
  od
}

#ifdef CONTESTED_BLOCKS_HOLDER
#define MAY_STAND true
#else
#define MAY_STAND (holder == 0 || holder == 2)
#endif
#ifdef UNJUDGED
#define BREAKS_RULE false
#else
#define BREAKS_RULE (holder != 2)  /* the ledger knows no hold, and no grant is shown */
#endif
#ifdef CONTESTED_OWED
#define OWED_IF_LIE true
#else
#define OWED_IF_LIE (!contested)
#endif

#define HELD_BESIDE (holder != 0 && redeemed != 0 && redeemed != holder && redeemed != LIAR)

inline recall_beside() {  /* a redemption that breaks no rule stands: another device's hold is recalled */
#ifdef UNRECALLED
  skip
#else
  if :: HELD_BESIDE -> recall = true :: else fi
#endif
}

inline stand(who) {
  redeemed = who; owed[who] = true; recall_beside()
}

inline open(who) {        /* the other device's gift, or the lie, stands now, if it is recorded and may */
  if
  :: beside[3 - who] -> beside[3 - who] = false; redeemed = 3 - who; owed[redeemed] = true; recall_beside()
  :: second && (!contested || MAY_STAND) -> redeemed = LIAR; second = false; owed[LIAR] = OWED_IF_LIE
  :: else -> redeemed = 0
  fi
}

#ifdef GAVE_UNHEARD
#define RECORDS_DENIED false
#else
#define RECORDS_DENIED true
#endif

inline take(k) {
  if
  :: entry(d, k) == ASK ->
       denied[d] = false;
       if
       :: redeemed == 0 && (holder == 0 || holder == d) -> redeemed = d; yes[d] = yes[d] | (1 << k)
       :: redeemed == 0 && holder != 0 && holder != d -> recall = true
       :: else
       fi
  :: entry(d, k) == GAVE || entry(d, k) == GAVEHELD ->
       if
       :: entry(d, k) == GAVE && denied[d] -> beside[d] = RECORDS_DENIED
       :: entry(d, k) == GAVEHELD && redeemed == 0 -> stand(d)
       :: !(entry(d, k) == GAVE && denied[d]) && redeemed == d -> owed[d] = true
       :: !(entry(d, k) == GAVE && denied[d]) && redeemed != 0 && redeemed != d && !(redeemed == LIAR && d == 2) -> if :: risks + decisions > 0 -> beside[d] = true :: else -> conflict = true fi
       :: else
       fi
  :: entry(d, k) == ATRISK -> if :: redeemed == 0 -> stand(d) :: else -> beside[d] = true fi
  :: entry(d, k) == DROP || entry(d, k) == UNDO -> if :: redeemed == d -> owed[d] = false; open(d) :: else -> beside[d] = false fi
  :: entry(d, k) == LIE ->
       contested = BREAKS_RULE;
       if
       :: redeemed == 0 && (!contested || MAY_STAND) -> redeemed = LIAR; owed[LIAR] = OWED_IF_LIE
       :: else -> second = true
       fi
  :: entry(d, k) == UNLIE ->
       if :: redeemed == LIAR -> redeemed = 0 :: else fi;
       second = false; contested = false; owed[LIAR] = false
  :: entry(d, k) == RELEASE -> if :: holder == d -> holder = 0; recall = false :: else fi
  fi
}

proctype Server() {
  byte d, n, a;
  do
  :: atomic { up?d,n ->
#ifdef UNORDERED
       if :: n > last[d] -> last[d] = n; take(n) :: else fi;
#else
       do :: last[d] < n -> last[d]++; take(last[d]) :: else -> break od;
#endif
       a = last[d];                                                     /* the newest ask among what it has */
       do :: a > 0 && entry(d, a) != ASK -> a-- :: else -> break od;
#ifdef RERUN
       if :: a > 0 -> take(a) :: else fi;
#endif
       if
       :: redeemed == 0 && holder == 0 && epoch < EPOCHS -> if :: holder = d; epoch++; recall = false :: skip fi
       :: else
       fi;
       if :: denied[d] && a > 0 && (yes[d] & (1 << a)) -> told = true :: else fi;
       if :: nfull(down) -> down!d,a,((a > 0) && (yes[d] & (1 << a))),((holder == d) -> epoch : 0),(holder == d && recall),(holder == d && HELD_BESIDE) :: full(down) fi;
       d = 0; n = 0; a = 0 }
  :: atomic { holder != 0 && !recall -> recall = true }   /* the shop voids it or changes its home, or a clerk elsewhere asks for it */
  :: atomic { decisions < DECIDES && (redeemed == 1 || redeemed == 2) && !owed[redeemed] ->     /* a manager: it was never given */
       d = redeemed; decisions++; denied[d] = true;
#ifdef YES_AFTER_DECISION
       skip;
#else
       yes[d] = 0;
#endif
       open(d); d = 0 }
#ifdef LEASE
  :: atomic { holder != 0 && redeemed == 0 -> holder = 0; recall = false }
#endif
  od
}

#define write(what) size[me]++; entry(me, size[me]) = what
#define MAY_WRITE (size[me] < LEN && !stopped[me])
#ifdef HOLD_BEATS_LIST
#define MAY_GIVE_HELD (held[me] != 0)
#else
#define MAY_GIVE_HELD (held[me] > listed[me])
#endif

proctype Device(byte me) {
  byte a, e; bool y, r, l;
  do
  :: atomic { nfull(up) && !stopped[me] -> up!me,size[me] }
  :: atomic { !given[me] && !asking[me] && MAY_WRITE -> write(ASK); asking[me] = true; asked[me] = size[me] }
#ifdef FORGET
  :: atomic { asking[me] -> asking[me] = false }
#else
  :: atomic { asking[me] && MAY_WRITE -> write(DROP); asking[me] = false }
#endif
  :: atomic { MAY_GIVE_HELD && !given[me] && !asking[me] && MAY_WRITE -> write(GAVEHELD); given[me] = true; knew = (held[me] <= listed[me]) }
  :: atomic { me == 2 && risks < RISKS && held[me] == 0 && !given[me] && !asking[me] && MAY_WRITE -> write(ATRISK); given[me] = true; risks++ }
  :: atomic { given[me] && MAY_WRITE -> write(UNDO); given[me] = false }
  :: atomic { me == 2 && lies < LIES && held[me] == 0 && MAY_WRITE -> write(LIE); lies++ }
  :: atomic { me == 2 && lies == 1 && MAY_WRITE -> write(UNLIE); lies = 2 }
  :: atomic { shrinks < SHRINKS && size[me] > 0 ->            /* entries at the end are lost, or are as they were before */
       shrinks++; size[me]--;
       do :: size[me] > 0 -> size[me]-- :: break od;
       a = size[me];
       do :: a > 0 && entry(me, a) != GAVE && entry(me, a) != GAVEHELD -> a-- :: else -> break od;
       forgotten[me] = (given[me] && a == 0); given[me] = (given[me] && a > 0); asking[me] = false; a = 0;
#ifdef GOES_ON
       skip
#else
       stopped[me] = true
#endif
     }
  :: atomic { down?eval(me),a,y,e,r,l ->
       if
#ifdef LATE
       :: y && a == asked[me] && !given[me] && MAY_WRITE -> write(GAVE); given[me] = true; asking[me] = false
#else
       :: y && asking[me] && a == asked[me] && MAY_WRITE -> write(GAVE); given[me] = true; asking[me] = false
#endif
       :: else
       fi;
       if
#ifdef STALE
       :: e != 0 && !r -> held[me] = e
#else
       :: e > released[me] && !r -> held[me] = e
#endif
#ifdef QUIET
       :: e > released[me] && r && !asking[me] -> released[me] = e; held[me] = 0; if :: holder == me && epoch == e -> holder = 0; recall = false :: else fi
#else
       :: e > released[me] && r && !asking[me] && MAY_WRITE -> released[me] = e; held[me] = 0; write(RELEASE)
#endif
       :: l -> skip       /* the tablet dies before it has written that           */
       :: else
       fi;
       if :: l && e > listed[me] -> listed[me] = e :: else fi; /* a newer grant is good again */
       a = 0; y = false; e = 0; r = false; l = false }
  od
}

init { atomic { run Network(); run Server(); run Device(1); run Device(2) } }
#define HONEST(d) (d == 1 || lies == 0)
#define BURNED(d) (redeemed == d && last[d] == size[d] && !given[d] && !asking[d] && !stopped[d])
#define IS_OUT(d) (given[d] || forgotten[d])
#define TWICE ((IS_OUT(1) && IS_OUT(2) && risks + decisions == 0) || (given[1] && forgotten[1]) || (given[2] && forgotten[2]) || conflict)
#define UNBOOKED(d) (HONEST(d) && last[d] == size[d] && given[d] && !(redeemed == d && owed[d]) && !beside[d])
#define BLOCKED (redeemed == LIAR && holder == 1)
#define OWED_ON_FAITH ((owed[LIAR] && contested) || owed[1] + owed[2] + owed[LIAR] > 1)
ltl once { [] (!TWICE && !(HELD_BESIDE && !recall) && !knew && !told && !BURNED(1) && !BURNED(2) && !UNBOOKED(1) && !UNBOOKED(2) && !BLOCKED && !OWED_ON_FAITH) }
