//! Expects E0603: bits that stand for no theme would be a label nobody can grant or refuse.

fn main() {
    drop(mylife::domain::theme::ThemeSet(0x8000));
}
