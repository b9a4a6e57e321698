//! The programs: for each platform, the instructions of `write(1, text, length); exit(0)`.
//!
//! Each is written by hand against the kernel's system call convention for the architecture
//! (syscall(2), "Architecture calling conventions") and uses no stack, no library and no relocation.

use super::elf::{Class, Data, Machine, TEXT};

/// One platform and the program that runs on it.
pub(super) struct Program {
    pub(super) architecture: &'static str,
    pub(super) variant: Option<&'static str>,
    machine: Machine,
    /// The instructions; the argument is the length of the text.
    code: fn(Machine, u8) -> Vec<u8>,
}

impl Program {
    /// The platform as people write it: `linux/arm/v7`.
    pub(super) fn platform(&self) -> String {
        let architecture = self.architecture;
        match self.variant {
            Some(variant) => format!("linux/{architecture}/{variant}"),
            None => format!("linux/{architecture}"),
        }
    }

    /// What the program prints.
    pub(super) fn text(&self) -> String {
        format!("Hello from barge ({})\n", self.platform())
    }

    /// The program as a file that can be run.
    pub(super) fn executable(&self) -> Vec<u8> {
        let text = self.text();
        let code = (self.code)(self.machine, text.len() as u8);
        self.machine.executable(&code, text.as_bytes())
    }
}

/// Every program, in the order of the image index.
pub(super) const PROGRAMS: [Program; 7] = [
    Program {
        architecture: "amd64",
        variant: None,
        machine: machine(Class::Elf64, Data::Little, 62, 0),
        code: amd64,
    },
    Program {
        architecture: "arm64",
        variant: Some("v8"),
        machine: machine(Class::Elf64, Data::Little, 183, 0),
        code: arm64,
    },
    Program {
        architecture: "arm",
        variant: Some("v7"),
        // EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD
        machine: machine(Class::Elf32, Data::Little, 40, 0x0500_0400),
        code: arm,
    },
    Program {
        architecture: "riscv64",
        variant: None,
        machine: machine(Class::Elf64, Data::Little, 243, 0),
        code: riscv64,
    },
    Program {
        architecture: "s390x",
        variant: None,
        machine: machine(Class::Elf64, Data::Big, 22, 0),
        code: s390x,
    },
    Program {
        architecture: "386",
        variant: None,
        machine: machine(Class::Elf32, Data::Little, 3, 0),
        code: i386,
    },
    Program {
        architecture: "ppc64le",
        variant: None,
        // ELFv2: the entry point is code, not a function descriptor
        machine: machine(Class::Elf64, Data::Little, 21, 2),
        code: ppc64le,
    },
];

const fn machine(class: Class, data: Data, number: u16, flags: u32) -> Machine {
    Machine { class, data, number, flags }
}

fn amd64(_: Machine, length: u8) -> Vec<u8> {
    let [a, b, c, d] = TEXT.to_le_bytes();
    [
        &[0xb8, 1, 0, 0, 0][..],  // mov  eax, 1 (write)
        &[0xbf, 1, 0, 0, 0],      // mov  edi, 1
        &[0xbe, a, b, c, d],      // mov  esi, TEXT
        &[0xba, length, 0, 0, 0], // mov  edx, length
        &[0x0f, 0x05],            // syscall
        &[0xb8, 60, 0, 0, 0],     // mov  eax, 60 (exit)
        &[0x31, 0xff],            // xor  edi, edi
        &[0x0f, 0x05],            // syscall
    ]
    .concat()
}

fn i386(_: Machine, length: u8) -> Vec<u8> {
    let [a, b, c, d] = TEXT.to_le_bytes();
    [
        &[0xb8, 4, 0, 0, 0][..],  // mov  eax, 4 (write)
        &[0xbb, 1, 0, 0, 0],      // mov  ebx, 1
        &[0xb9, a, b, c, d],      // mov  ecx, TEXT
        &[0xba, length, 0, 0, 0], // mov  edx, length
        &[0xcd, 0x80],            // int  0x80
        &[0xb8, 1, 0, 0, 0],      // mov  eax, 1 (exit)
        &[0x31, 0xdb],            // xor  ebx, ebx
        &[0xcd, 0x80],            // int  0x80
    ]
    .concat()
}

fn arm64(machine: Machine, length: u8) -> Vec<u8> {
    machine.words(&[
        0xd280_0020,                          // mov   x0, #1
        0xd2a0_0001 | (TEXT >> 16) << 5,      // movz  x1, #TEXT's upper half, lsl #16
        0xf280_0001 | (TEXT & 0xffff) << 5,   // movk  x1, #TEXT's lower half
        0xd280_0002 | u32::from(length) << 5, // mov   x2, #length
        0xd280_0808,                          // mov   x8, #64 (write)
        0xd400_0001,                          // svc   #0
        0xd280_0000,                          // mov   x0, #0
        0xd280_0ba8,                          // mov   x8, #93 (exit)
        0xd400_0001,                          // svc   #0
    ])
}

fn arm(machine: Machine, length: u8) -> Vec<u8> {
    // a 16-bit immediate is split into its upper 4 and its lower 12 bits
    let half = |value: u32| (value >> 12) << 16 | (value & 0xfff);
    machine.words(&[
        0xe3a0_0001,                       // mov   r0, #1
        0xe300_1000 | half(TEXT & 0xffff), // movw  r1, #TEXT's lower half
        0xe340_1000 | half(TEXT >> 16),    // movt  r1, #TEXT's upper half
        0xe3a0_2000 | u32::from(length),   // mov   r2, #length
        0xe3a0_7004,                       // mov   r7, #4 (write)
        0xef00_0000,                       // svc   #0
        0xe3a0_0000,                       // mov   r0, #0
        0xe3a0_7001,                       // mov   r7, #1 (exit)
        0xef00_0000,                       // svc   #0
    ])
}

fn riscv64(machine: Machine, length: u8) -> Vec<u8> {
    machine.words(&[
        0x0010_0513,                           // li    a0, 1
        0x0000_05b7 | (TEXT & 0xffff_f000),    // lui   a1, TEXT's upper 20 bits
        0x0005_8593 | (TEXT & 0x7ff) << 20,    // addi  a1, a1, TEXT's lower bits
        0x0000_0613 | u32::from(length) << 20, // li    a2, length
        0x0400_0893,                           // li    a7, 64 (write)
        0x0000_0073,                           // ecall
        0x0000_0513,                           // li    a0, 0
        0x05d0_0893,                           // li    a7, 93 (exit)
        0x0000_0073,                           // ecall
    ])
}

fn s390x(_: Machine, length: u8) -> Vec<u8> {
    let [a, b, c, d] = TEXT.to_be_bytes();
    [
        &[0xa7, 0x29, 0, 1][..],   // lghi   %r2, 1
        &[0xc0, 0x3f, a, b, c, d], // llilf  %r3, TEXT
        &[0xa7, 0x49, 0, length],  // lghi   %r4, length
        &[0x0a, 4],                // svc    4 (write)
        &[0xa7, 0x29, 0, 0],       // lghi   %r2, 0
        &[0x0a, 1],                // svc    1 (exit)
    ]
    .concat()
}

fn ppc64le(machine: Machine, length: u8) -> Vec<u8> {
    machine.words(&[
        0x3800_0004,                     // li    r0, 4 (write)
        0x3860_0001,                     // li    r3, 1
        0x3c80_0000 | TEXT >> 16,        // lis   r4, TEXT's upper half
        0x6084_0000 | (TEXT & 0xffff),   // ori   r4, r4, TEXT's lower half
        0x38a0_0000 | u32::from(length), // li    r5, length
        0x4400_0002,                     // sc
        0x3800_0001,                     // li    r0, 1 (exit)
        0x3860_0000,                     // li    r3, 0
        0x4400_0002,                     // sc
    ])
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use super::*;
    use crate::peers::emulator;

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn amd64_runs_here() {
        let dir = tempfile::tempdir().unwrap();
        let [amd64, ..] = &PROGRAMS;
        let path = place(amd64, dir.path());
        expect(amd64, &run(&mut Command::new(path)));
    }

    #[test]
    fn every_program_runs_under_qemu() {
        let dir = tempfile::tempdir().unwrap();
        for program in &PROGRAMS {
            let architecture = match program.architecture {
                "amd64" => "x86_64",
                "arm64" => "aarch64",
                "386" => "i386",
                other => other,
            };
            let Some(qemu) = emulator(architecture).unwrap() else { continue };
            let path = place(program, dir.path());
            expect(program, &run(Command::new(qemu).arg(path)));
        }
    }

    fn place(program: &Program, dir: &Path) -> PathBuf {
        let path = dir.join(program.architecture);
        fs::write(&path, program.executable()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn run(command: &mut Command) -> Output {
        loop {
            match command.output() {
                // another test's child, forked while the file was written, holds it until its exec
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                other => return other.unwrap(),
            }
        }
    }

    fn expect(program: &Program, output: &Output) {
        let platform = program.platform();
        assert!(output.status.success(), "{platform}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), program.text(), "{platform}");
        assert!(output.stderr.is_empty(), "{platform}: {output:?}");
    }
}
