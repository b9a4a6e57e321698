//! Class 21: archives that lack something.

use super::form::Form;
use super::image::{Part, called};
use super::tar::{BLOCK, Member, entries, offset, start, tar};
use super::{Cases, LOADS, Refusals};

pub(super) fn add(cases: &mut Cases) {
    for form in Form::ALL {
        let members = form.members();
        nothing(cases, form, &members);
        one_member(cases, form, &members);
        the_rest(cases, form, &members);
    }
    two_members(cases);
    the_rest_behind_the_documents(cases);
}

/// Nothing but the end of the archive.
fn nothing(cases: &mut Cases, form: Form, members: &[Member]) {
    let whole = entries(members);
    let ends = [("two-blocks", 2 * BLOCK), ("one-block", BLOCK), ("half-a-block", BLOCK / 2), ("nothing", 0)];
    for (how, zeros) in ends {
        let bytes = [whole.as_slice(), &vec![0; zeros]].concat();
        // Half a block is half a header.
        let refusals: Refusals = if zeros == BLOCK / 2 { &["TAR_TRUNCATED"] } else { LOADS };
        let place = format!("byte {}", bytes.len());
        cases.add(21, &format!("{}-ends-with-{how}", form.label()), bytes, refusals, &[&place]);
    }
}

/// Words that say what is missing.
fn words<'a>(members: &'a [Member], missing: &[usize]) -> Vec<&'a str> {
    let missing = missing.iter().map(|n| called(&members[*n]));
    missing.chain(["index.json", "manifest.json", "empty"]).collect()
}

/// The members with these places left out.
fn without(members: &[Member], missing: &[usize]) -> Vec<Member> {
    let kept = members.iter().enumerate().filter(|(n, _)| !missing.contains(n));
    kept.map(|(_, member)| member.clone()).collect()
}

fn one_member(cases: &mut Cases, form: Form, members: &[Member]) {
    for n in 0..members.len() {
        let name = format!("{}-without-{}", form.label(), form.member(n));
        let bytes = tar(&without(members, &[n]));
        cases.add(21, &name, bytes, form.lacking(&[n]), &words(members, &[n]));
    }
}

/// Cut between two members: nothing shows that more was to come.
fn the_rest(cases: &mut Cases, form: Form, members: &[Member]) {
    let whole = tar(members);
    for n in 0..=members.len() {
        let missing: Vec<usize> = (n..members.len()).collect();
        let (refusals, words) = (form.lacking(&missing), words(members, &missing));
        let cut = whole[..start(members, n)].to_vec();
        let marked = [cut.as_slice(), &[0; 2 * BLOCK], &whole[cut.len()..]].concat();
        if form == Form::Modern || cases.takes(0, n, 2) {
            cases.add(21, &format!("{}-cut-before-{n}", form.label()), cut.clone(), refusals, &words);
        }
        if !cases.takes(0, n, 3) {
            continue;
        }
        let zeros = (n == 0).then_some("the file begins with nothing but zeros");
        let marked_words: Vec<&str> = words.iter().copied().chain(zeros).collect();
        cases.add(21, &format!("{}-end-before-{n}", form.label()), marked, refusals, &marked_words);
        // The padding of the last member that is there is gone as well.
        let Some(last) = n.checked_sub(1) else { continue };
        let end = offset(members, last) + BLOCK + members[last].content.len();
        if end < cut.len() {
            let name = format!("{}-cut-before-padding-{n}", form.label());
            cases.add(21, &name, whole[..end].to_vec(), refusals, &words);
        }
    }
}

fn two_members(cases: &mut Cases) {
    let members = Form::Modern.members();
    for parts in [Part::BLOBS.as_slice(), Part::ROOTS.as_slice()] {
        for (n, first) in parts.iter().enumerate() {
            for second in &parts[n + 1..] {
                if !cases.takes(first.at(), second.at(), 2) {
                    continue;
                }
                let missing = [first.at(), second.at()];
                let name = format!("modern-without-{}-and-{}", first.label(), second.label());
                let refusals = Form::Modern.lacking(&missing);
                let bytes = tar(&without(&members, &missing));
                cases.add(21, &name, bytes, refusals, &words(&members, &missing));
            }
        }
    }
}

/// The documents at the top stand first, and what they lead to is cut.
fn the_rest_behind_the_documents(cases: &mut Cases) {
    let members = Form::Modern.members();
    let order: Vec<usize> = Part::ROOTS.into_iter().chain(Part::BLOBS).map(Part::at).collect();
    for n in 1..=order.len() {
        let (there, missing) = order.split_at(n);
        let there: Vec<Member> = there.iter().map(|place| members[*place].clone()).collect();
        let (refusals, words) = (Form::Modern.lacking(missing), words(&members, missing));
        cases.add(21, &format!("modern-documents-and-{n}"), entries(&there), refusals, &words);
    }
}
