//! Writes the smallest executable Linux runs: an ELF header, one program header, the segment.
//!
//! ```text
//! 0      ELF header       64 bytes, or 52 for a 32-bit machine
//! +      program header   56 bytes, or 32: PT_LOAD, the whole file, readable and executable
//! +      code             the entry point
//! 0xc0   text             what the code prints
//! ```
//!
//! The file is mapped as it is at one fixed address, so the code can name [`TEXT`] outright and no
//! linker is needed. There are no sections and no symbols.
//!
//! Layouts and names are those of the System V ABI, chapters 4 and 5.

/// Where the file is mapped; a multiple of every page size in use (64 KiB at most).
const BASE: u32 = 0x40_0000;
const PAGE: u32 = 0x1_0000;

/// Where the text lies in the file.
const TEXT_OFFSET: usize = 0xc0;

/// Where the text lies in memory.
pub(super) const TEXT: u32 = 0x40_00c0;

/// The size of an address, `EI_CLASS`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Elf32 = 1,
    Elf64 = 2,
}

/// The order of bytes in a number, `EI_DATA`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Little = 1,
    Big = 2,
}

/// What the header says about the machine.
#[derive(Clone, Copy)]
pub(super) struct Machine {
    pub(super) class: Class,
    pub(super) data: Data,
    /// `e_machine`
    pub(super) number: u16,
    /// `e_flags`
    pub(super) flags: u32,
}

impl Machine {
    /// The executable that starts at the first byte of `code` and has `text` at [`TEXT`].
    ///
    /// # Panics
    ///
    /// If the code does not fit in front of the text.
    pub(super) fn executable(self, code: &[u8], text: &[u8]) -> Vec<u8> {
        let (header, program_header): (u16, u16) = match self.class {
            Class::Elf32 => (52, 32),
            Class::Elf64 => (64, 56),
        };
        let start = u32::from(header) + u32::from(program_header);
        let size = (TEXT_OFFSET + text.len()) as u32;

        let mut file = Fields { machine: self, bytes: Vec::new() };
        file.bytes.extend(b"\x7fELF");
        file.bytes.extend([self.class as u8, self.data as u8, 1]); // EV_CURRENT
        file.bytes.resize(16, 0); // ELFOSABI_NONE, padding
        file.half(2); // e_type: ET_EXEC
        file.half(self.number);
        file.word(1); // e_version: EV_CURRENT
        file.address(BASE + start); // e_entry
        file.address(u32::from(header)); // e_phoff
        file.address(0); // e_shoff
        file.word(self.flags);
        file.half(header); // e_ehsize
        file.half(program_header); // e_phentsize
        file.half(1); // e_phnum
        file.half(0); // e_shentsize
        file.half(0); // e_shnum
        file.half(0); // e_shstrndx

        let flags = 5; // PF_R | PF_X
        file.word(1); // p_type: PT_LOAD
        if self.class == Class::Elf64 {
            file.word(flags);
        }
        file.address(0); // p_offset
        file.address(BASE); // p_vaddr
        file.address(BASE); // p_paddr
        file.address(size); // p_filesz
        file.address(size); // p_memsz
        if self.class == Class::Elf32 {
            file.word(flags);
        }
        file.address(PAGE); // p_align

        let mut bytes = file.bytes;
        bytes.extend(code);
        assert!(bytes.len() <= TEXT_OFFSET, "the code runs into the text");
        bytes.resize(TEXT_OFFSET, 0);
        bytes.extend(text);
        bytes
    }

    /// Instructions of one word each, in the machine's order of bytes.
    pub(super) fn words(self, instructions: &[u32]) -> Vec<u8> {
        let mut code = Fields { machine: self, bytes: Vec::new() };
        for &instruction in instructions {
            code.word(instruction);
        }
        code.bytes
    }
}

/// Numbers as one machine writes them.
struct Fields {
    machine: Machine,
    bytes: Vec<u8>,
}

impl Fields {
    fn half(&mut self, value: u16) {
        match self.machine.data {
            Data::Little => self.bytes.extend(value.to_le_bytes()),
            Data::Big => self.bytes.extend(value.to_be_bytes()),
        }
    }

    fn word(&mut self, value: u32) {
        match self.machine.data {
            Data::Little => self.bytes.extend(value.to_le_bytes()),
            Data::Big => self.bytes.extend(value.to_be_bytes()),
        }
    }

    fn address(&mut self, value: u32) {
        match (self.machine.class, self.machine.data) {
            (Class::Elf32, _) => self.word(value),
            (Class::Elf64, Data::Little) => self.bytes.extend(u64::from(value).to_le_bytes()),
            (Class::Elf64, Data::Big) => self.bytes.extend(u64::from(value).to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_where_the_code_looks_for_it() {
        assert_eq!(TEXT as usize, BASE as usize + TEXT_OFFSET);
        assert_eq!(BASE % PAGE, 0);
    }

    #[test]
    fn headers_have_the_sizes_they_state() {
        for (class, start) in [(Class::Elf32, 84), (Class::Elf64, 120)] {
            let machine = Machine { class, data: Data::Little, number: 0, flags: 0 };
            let file = machine.executable(b"CODE", b"text");
            assert_eq!(&file[start..start + 4], b"CODE");
            assert_eq!(&file[TEXT_OFFSET..], b"text");
        }
    }
}
