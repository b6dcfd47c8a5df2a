//! A target raised by Renew: a promise like a new request's, judged the same way, and never lowered.

use crate::world::World;

/// The balance is 300. A request holds 100 for 30 tokens of output; each token more costs 2. Steps, the last answer, and the funds
/// after it.
#[test]
fn a_target_is_raised_as_far_as_the_money_goes() {
    let cases = "
        reserve, renew 1 for 50                          | renewed for 50  | 300/140
        reserve, renew 1 for 30                          | renewed         | 300/100
        reserve, renew 1 for 10                          | renewed         | 300/100
        reserve, renew 1 for 0                           | renewed         | 300/100
        reserve, renew 1 for 50, renew 1 for 40          | renewed for 50  | 300/140
        reserve, renew 1 for 50, renew 1 for 50          | renewed for 50  | 300/140
        reserve, renew 1 for 130                         | renewed for 130 | 300/300
        reserve, renew 1 for 131                         | renewed         | 300/100
        reserve, renew 1 for 9999                        | renewed         | 300/100
        top-up 999 x, reserve, renew 1 for 9999          | renewed for 200 | 1299/440
        reserve, request 1, reserve, renew 1 for 80      | renewed for 80  | 300/300
        reserve, request 1, reserve, renew 1 for 81      | renewed         | 300/200
        grant g 150, reserve, renew 1 for 70             | renewed for 70  | 300/30 g 150/150
        grant g 40, grant h 90, reserve, renew 1 for 50  | renewed for 50  | 300/10 g 40/40 h 90/90
        reserve, grant g 90, renew 1 for 50              | renewed for 50  | 300/100 g 90/40
        reserve, grant g 90 for other, renew 1 for 50    | renewed for 50  | 300/140 g 90/0
        overage credit-line 50, reserve, renew 1 for 155 | renewed for 155 | 300/350
        reserve, key revoked, renew 1 for 50             | renewed         | 300/100
        reserve, tenant paused, renew 1 for 50           | renewed         | 300/100
        reserve, request 1, settle reported 400 5, request 0, renew 1 for 31 | renewed | -110/100
        shadow, reserve, renew 1 for 9999                | renewed for 200 | 300/0
        reserve, freeze, renew 1 for 50                  | frozen          | 300/100
        reserve, release, renew 1 for 50                 | ended released  | 300/0
        reserve, renew 1 for 50, release                 | released        | 300/0
        reserve, renew 1 for 50, settle                  | settled 30 released 110 | 270/0
        reserve, renew 1 for 50, settle reported 40 50   | settled 140 released 0  | 160/0
        grant g 110, reserve, renew 1 for 50, settle reported 40 50 | settled 140 released 0 | 270/0 g 0/0
        reserve, renew 45 for 50, wait 61000, expire     | expired 100     | 200/0
        reserve, renew 1 for 50, reserve                 | granted 100 for 30 | 300/140
        reserve, renew 1 for 50, renew 1 for 70, reserve | granted 100 for 30 | 300/180
        reserve, renew 1 for 50, wait 40000, reserve     | granted 100 for 30 | 300/140
    ";
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [steps, answer, funds] = cells[..] else {
            panic!("three cells: {line}");
        };
        let mut world = World::with(300);
        assert_eq!(world.play(steps), answer, "{line}");
        assert_eq!(world.funds(), funds, "{line}");
    }
}
