"""Damaged journals, kept byte for byte.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-30 07:50:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'damaged_part',
        sa.Column('device_id', sa.String(length=40), nullable=False),
        sa.Column('file', sa.String(length=43), nullable=False),
        sa.Column('start', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('bytes', sa.LargeBinary(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('damage', sa.String(length=20), nullable=False),
        sa.Column('handed_in_by_id', sa.String(length=40), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['handed_in_by_id'], ['device.id'], name=op.f('fk_damaged_part_handed_in_by_id_device')),
        sa.PrimaryKeyConstraint('device_id', 'file', 'start', name=op.f('pk_damaged_part')),
    )
    op.create_index(op.f('ix_damaged_part_handed_in_by_id'), 'damaged_part', ['handed_in_by_id'], unique=False)


def downgrade():
    op.drop_index(op.f('ix_damaged_part_handed_in_by_id'), table_name='damaged_part')
    op.drop_table('damaged_part')
